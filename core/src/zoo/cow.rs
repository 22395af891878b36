//! Bugs of copy-on-write: somebody writes to a page that somebody else has too.

use super::exhibit::{Exhibit, Origin};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "thp-mapcount-not-atomic",
        about: "do_huge_pmd_wp_page() counts mappings while a split moves them from the huge page to its pages",
        origin: Origin {
            commit: "c444eb564fb1",
            cve: "CVE-2020-29368",
            versions: "v4.6 to v5.8-rc1",
        },
        oracle: "lost_write",
        preemptions: 2,
        without: &["huge_wp_by_refs"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "cow-can-break-either-way",
        about: "do_wp_page() reuses a page that nobody else maps, though somebody may hold it",
        origin: Origin {
            commit: "17839856fd58",
            cve: "CVE-2020-29374",
            versions: "ever to v5.8-rc1",
        },
        oracle: "held_page_written",
        without: &["wp_by_refs"],
        ..Exhibit::PLAIN
    },
];
