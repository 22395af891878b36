//! `collapse_file()`: what is seen of a huge page that is not finished, and what becomes of holes.

use super::exhibit::{Exhibit, Origin};
use crate::mm::steps::Era;

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "collapse-file-exposes-not-uptodate",
        about: "collapse_file() puts the huge page into the page cache before the data are in it (the whole era does)",
        origin: Origin { commit: "a2e17cc2efc7", cve: "", versions: "v4.8 to v6.4-rc1" },
        era: Era::PreSeed,
        oracle: "cached_data_hidden",
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "collapse-file-hpage-reused",
        about: "khugepaged uses the huge page of a failed collapse again, which somebody has found where it was",
        origin: Origin { commit: "033b5d775511", cve: "", versions: "v4.20 to v5.9" },
        era: Era::PreSeed,
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
