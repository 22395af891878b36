//! Bugs of faults under the lock of a VMA.

use super::exhibit::{Exhibit, Origin};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[Exhibit {
    name: "vma-lock-anon-vma-check",
    about: "lock_vma_under_rcu() looks for an anon_vma before it has the lock that keeps it",
    origin: Origin { commit: "657b5146955e", cve: "CVE-2024-1312", versions: "v6.4 to v6.5-rc4" },
    oracle: "vma_inconsistent",
    preemptions: 2,
    without: &["vma_lock_anon_check_locked"],
    ..Exhibit::PLAIN
}];
