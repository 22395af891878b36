//! Bugs of swapping.

use super::exhibit::{Exhibit, Origin};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[Exhibit {
    name: "swapcache-skip-double-swapin",
    about: "a swap-in past the swap cache maps what it has read of a slot that was given out again since",
    origin: Origin { commit: "13ddaf26be32", cve: "CVE-2024-26759", versions: "v4.15 to v6.8-rc6" },
    set: &[("reuse", "on"), ("sync_swap", "on")],
    oracle: "lost_write",
    live: true,
    without: &["swapcache_prepare"],
    ..Exhibit::PLAIN
}];
