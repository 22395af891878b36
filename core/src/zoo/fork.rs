//! Bugs of fork.

use super::exhibit::{Exhibit, Origin};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[Exhibit {
    name: "fork-cow-vma-lock-tlb",
    about: "fork() does not lock the parent's VMAs: a fault copies a page before fork has flushed it",
    origin: Origin { commit: "fb49c455323f", cve: "", versions: "v6.4 to v6.5-rc1" },
    oracle: "lost_write",
    preemptions: 3,
    without: &["fork_start_write"],
    ..Exhibit::PLAIN
}];
