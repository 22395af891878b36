//! The page cache and its folios agree.
//!
//! Verified: at quiescence each slot's folio names this file and covers this index, and is up to date.
//! Not verified: nrpages (the model derives it), pages beyond the end of the file that a failed split keeps.

use super::view::Wrong;
use super::{Oracle, View};
use crate::mm::{Kernel, Mapping, flags};

/// Q14.
pub(super) const PAGE_CACHE_INCONSISTENT: Oracle = Oracle {
    quiesce: Some(|view: &View<'_>, _| {
        let k = view.kernel;
        for file in &k.files {
            for index in 0..file.i_pages.len() as u32 {
                let Some(id) = file.peek(index) else { continue };
                let folio = k.folio(id);
                let covers =
                    folio.index() <= index && index < folio.index() + k.folios.nr_pages(id);
                let right =
                    folio.peek_mapping() == Mapping::File(file.id) && folio.has(flags::UPTODATE);
                if !covers || !right {
                    let detail = format!(
                        "index {index} of file f{} holds folio {}, which does not belong there",
                        file.id.0, id.0
                    );
                    return Err(Wrong::new(
                        detail,
                        [Kernel::folio_obj(id), file.i_pages[index as usize].obj()],
                    ));
                }
            }
        }
        Ok(())
    }),
    ..Oracle::new(
        "page_cache_inconsistent",
        "Q14",
        "Every folio of a page cache belongs to this file and covers its index.",
    )
};
