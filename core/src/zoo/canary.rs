//! Canaries: bugs that need no second CPU, or almost any other one; a fuzzer that misses them is broken.

use super::exhibit::{Exhibit, Family, Origin};

const CANARY: Exhibit = Exhibit {
    family: Family::Canary,
    origin: Origin { commit: "", cve: "", versions: "never" },
    preemptions: 0,
    ..Exhibit::PLAIN
};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[Exhibit {
    name: "canary-collapse-keeps-refs",
    about: "collapse_pte_mapped_thp() does not give the entries' references back",
    oracle: "refcount_mismatch",
    without: &["ref_sub"],
    ..CANARY
}];
