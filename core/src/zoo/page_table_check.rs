//! Books of page_table_check that are not kept.

use super::exhibit::{Exhibit, Origin};
use super::of_its_day::before_the_patch;
use crate::mm::steps::Era;

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "seed-ptc-pte-clear",
        about: "step 2 of collapse_pte_mapped_thp() clears entries by pte_clear(), of which page_table_check hears nothing",
        origin: Origin { commit: "1043173eb5eb", cve: "", versions: "the patch as posted (v3)" },
        oracle: "page_table_check",
        preemptions: 0,
        without: &["ptep_clear"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "ptc-counters-on-table-free",
        about: "a collapse frees a table with its entries, for which page_table_check goes on to count",
        origin: Origin { commit: "80110bbfbba6", cve: "", versions: "v5.17-rc" },
        era: Era::PreSeed,
        of_its_day: Some(before_the_patch),
        oracle: "page_table_check",
        preemptions: 0,
        without: &["ptc_clear_range"],
        ..Exhibit::PLAIN
    },
];
