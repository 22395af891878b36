//! Bugs of madvise().

use super::exhibit::{Exhibit, Origin};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[Exhibit {
    name: "madv-tlb-flush-miss",
    about: "MADV_DONTNEED finds empty what another one has cleared and not yet flushed, and does not flush it either",
    origin: Origin { commit: "99baac21e458", cve: "", versions: "ever to v4.13-rc5" },
    oracle: "lost_write",
    without: &["gather_nested"],
    ..Exhibit::PLAIN
}];
