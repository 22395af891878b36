//! The seed patch with one of its protections less (the catalogue's table of mutants).

use super::exhibit::{Exhibit, Family, Origin};

const MUTANT: Exhibit = Exhibit {
    family: Family::Seed,
    origin: Origin { commit: "1043173eb5eb", cve: "", versions: "never posted" },
    ..Exhibit::PLAIN
};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[Exhibit {
    name: "seed-m1-no-recheck",
    about: "step 2 of collapse_pte_mapped_thp() clears an entry that a fault has changed since step 1",
    oracle: "bad_rss_counter",
    without: &["recheck_page"],
    ..MUTANT
}];
