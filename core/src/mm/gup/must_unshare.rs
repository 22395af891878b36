//! `gup_must_unshare`: a pin for reading must not be taken of a page that the mm would replace by a copy at its next write
//! (kernel-semantics section 6.6).

use super::flags::FollFlags;
use crate::mm::kernel::Kernel;
use crate::mm::types::{Pfn, VmaId};
use crate::sync::Cpu;

/// `gup_must_unshare`, of a page that is mapped read-only: whether it has to be made the mm's own first. Without a VMA (the
/// fast path knows none) a page of a file is suspect.
pub(in crate::mm) fn must_unshare(
    cpu: &Cpu<'_>,
    k: &Kernel,
    vma: Option<VmaId>,
    flags: FollFlags,
    page: Pfn,
) -> bool {
    if !flags.pin || flags.write {
        return false;
    }
    if k.folio_of(page).is_anon() {
        return k.page(page).anon_exclusive.read_once(cpu) == 0;
    }
    // A pin that is soon given back need not see what the mm writes later.
    flags.longterm && vma.is_none_or(|vma| !k.vma(vma).spec().shared())
}
