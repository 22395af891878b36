//! Bugs of `retract_page_tables()`.

use super::exhibit::{Exhibit, Origin};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[Exhibit {
    name: "retract-anon-vma-race",
    about: "retract_page_tables() asks for an anon_vma before the lock that keeps a fault from attaching one",
    origin: Origin { commit: "023f47a8250c", cve: "CVE-2023-52935", versions: "v4.8 to v6.2-rc7" },
    oracle: "table_unlinked_with_entries",
    without: &["retract_recheck_anon_vma"],
    ..Exhibit::PLAIN
}];
