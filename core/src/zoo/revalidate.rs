//! Bugs of a collapse that trusts what it has seen, or done, before it failed or slept.

use super::exhibit::{Exhibit, Origin};
use crate::mm::steps::Era;

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "collapse-anon-revalidate-file-vma",
        about: "collapse_huge_page() takes the VMA of a file, mapped while it slept, for the anonymous one",
        origin: Origin { commit: "594cced14ad3", cve: "", versions: "v5.4 to v5.8-rc7" },
        oracle: "vm_bug_on",
        without: &["ch_expect_anon"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "collapse-shmem-misaccounted-holes",
        about: "collapse_file() keeps the charge for the holes that it has filled when it fails",
        origin: Origin { commit: "aaa52e340073", cve: "", versions: "v4.8 to v4.20-rc5" },
        era: Era::PreSeed,
        oracle: "page_cache_inconsistent",
        without: &["cf_rollback_holes"],
        ..Exhibit::PLAIN
    },
];
