//! `collapse_file()`: what is seen of a huge page that is not finished, and what becomes of holes.

use super::exhibit::{Exhibit, Origin};
use super::of_its_day::before_the_patch;
use crate::mm::flags;
use crate::mm::khugepaged::ScanResult;
use crate::mm::steps::{Era, FileSteps, Steps};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "collapse-file-exposes-not-uptodate",
        about: "collapse_file() puts the huge page into the page cache before the data are in it",
        origin: Origin { commit: "a2e17cc2efc7", cve: "", versions: "v4.8 to v6.4-rc1" },
        era: Era::PreSeed,
        of_its_day: Some(before_the_patch),
        oracle: "cached_data_hidden",
        patch: page_by_page,
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "collapse-file-hpage-reused",
        about: "khugepaged uses the huge page of a failed collapse again, which somebody has found where it was",
        origin: Origin { commit: "033b5d775511", cve: "", versions: "v4.20 to v5.9" },
        era: Era::PreSeed,
        // That the huge page is not up to date while others see it is the bug above.
        of_its_day: Some(|steps| {
            before_the_patch(steps);
            page_by_page(steps);
            steps.file.replace_page = |cpu, k, c, old| {
                k.folio(c.hpage).flags.poke_bits(flags::UPTODATE, 0);
                (FileSteps::PRE_SEED.replace_page)(cpu, k, c, old);
            };
            steps.file.hole = |cpu, k, c, index| {
                k.folio(c.hpage).flags.poke_bits(flags::UPTODATE, 0);
                (FileSteps::PRE_SEED.hole)(cpu, k, c, index);
            };
        }),
        oracle: "lost_write",
        preemptions: 2,
        without: &["cf_fresh_hpage"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "collapse-file-suppresses-uffd-missing",
        about: "collapse_file() fills a hole of which a userfaultfd wanted to hear",
        origin: Origin { commit: "ac492b9c70ca", cve: "", versions: "v4.11 to v6.4-rc1" },
        oracle: "uffd_event_lost",
        preemptions: 0,
        without: &["cf_uffd_missing"],
        ..Exhibit::PLAIN
    },
];

/// `collapse_file()` before v6.4: the huge page is put into the page cache page by page, while the old pages are gathered. But
/// it leaves a file alone whose missing pages are somebody's business, which is the bug below.
fn page_by_page(steps: &mut Steps) {
    steps.file = FileSteps::PRE_SEED;
    steps.file.stages = |cpu, k, c| {
        if (FileSteps::V66.uffd_missing)(cpu, k, c) {
            ScanResult::ExceedNonePte
        } else {
            (FileSteps::PRE_SEED.stages)(cpu, k, c)
        }
    };
}
