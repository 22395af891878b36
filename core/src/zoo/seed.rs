//! The seed patch with one of its protections less (the catalogue's table of mutants).

use super::exhibit::{Exhibit, Family, Origin};

const MUTANT: Exhibit = Exhibit {
    family: Family::Seed,
    origin: Origin { commit: "1043173eb5eb", cve: "", versions: "never posted" },
    ..Exhibit::PLAIN
};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "seed-m1-no-recheck",
        about: "step 2 of collapse_pte_mapped_thp() clears an entry that a fault has changed since step 1",
        oracle: "bad_rss_counter",
        without: &["recheck_page"],
        ..MUTANT
    },
    Exhibit {
        name: "seed-m2-leaves-entries",
        about: "step 2 does the accounting of the entries and leaves them in the table",
        oracle: "mapcount_mismatch",
        without: &["clear_pte"],
        ..MUTANT
    },
    Exhibit {
        name: "seed-m3-abort-keeps-refs",
        about: "the abort forgets the references of the entries that step 2 has cleared",
        oracle: "refcount_mismatch",
        without: &["abort_ref_sub"],
        ..MUTANT
    },
    Exhibit {
        name: "seed-m4-notifier-under-ptl",
        about: "the invalidation begins, and may sleep, under ptl",
        oracle: "sleep_in_atomic",
        preemptions: 0,
        without: &["notifier_outside_ptl"],
        ..MUTANT
    },
    Exhibit {
        name: "seed-m5-frees-at-once",
        about: "the table is freed without a grace period: a walker may be in it",
        oracle: "pgtable_used_after_free",
        without: &["free_defer"],
        ..MUTANT
    },
    Exhibit {
        name: "seed-m6-no-sync",
        about: "nobody waits for a CPU that reads the two words of the PMD entry with interrupts off",
        set: &[("width", "pae")],
        oracle: "torn_entry",
        preemptions: 3,
        without: &["pmd_sync"],
        ..MUTANT
    },
    Exhibit {
        name: "seed-m7-one-lock-twice",
        about: "step 4 takes ptl without asking whether it is pml",
        set: &[("ptlock", "none")],
        oracle: "deadlock",
        preemptions: 0,
        without: &["ptl_is_pml"],
        ..MUTANT
    },
    Exhibit {
        name: "seed-m8-no-ref",
        about: "set_huge_pmd() takes no reference for the PMD entry",
        oracle: "refcount_mismatch",
        preemptions: 0,
        without: &["set_huge_pmd_ref"],
        ..MUTANT
    },
];
