//! Mirrors of page tables that were not told.

use super::exhibit::{Exhibit, Origin};
use super::of_its_day::before_the_patch;
use crate::mm::steps::Era;

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[Exhibit {
    name: "collapse-missing-mmu-notifier",
    about: "a collapse removes a page table without a word to a secondary MMU that mirrors it",
    origin: Origin { commit: "f268f6cf875f", cve: "CVE-2022-48991", versions: "v4.8 to v6.1-rc8" },
    era: Era::PreSeed,
    of_its_day: Some(before_the_patch),
    oracle: "change_outside_notifier_range",
    preemptions: 0,
    without: &["notifier_start"],
    ..Exhibit::PLAIN
}];
