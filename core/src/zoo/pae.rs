//! Bugs of entries of two words.

use super::exhibit::{Exhibit, Origin};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[Exhibit {
    name: "pae-torn-pmd",
    about: "a lockless reader puts the halves of two PMD entries together",
    origin: Origin {
        commit: "26c191788f18",
        cve: "CVE-2012-2373",
        versions: "v2.6.38 to v3.5-rc1",
    },
    set: &[("width", "pae")],
    oracle: "torn_entry",
    without: &["pae_recheck"],
    ..Exhibit::PLAIN
}];
