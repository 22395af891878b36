//! Canaries: bugs that need no second CPU, or almost any other one; a fuzzer that misses them is broken.

use super::exhibit::{Exhibit, Family, Origin};

const CANARY: Exhibit = Exhibit {
    family: Family::Canary,
    origin: Origin { commit: "", cve: "", versions: "never" },
    preemptions: 0,
    ..Exhibit::PLAIN
};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "canary-collapse-keeps-refs",
        about: "collapse_pte_mapped_thp() does not give the entries' references back",
        oracle: "refcount_mismatch",
        without: &["ref_sub"],
        ..CANARY
    },
    Exhibit {
        name: "canary-collapse-keeps-rss",
        about: "collapse_pte_mapped_thp() does not correct the rss counter",
        oracle: "bad_rss_counter",
        without: &["counter_sub"],
        ..CANARY
    },
    Exhibit {
        name: "canary-collapse-keeps-mapcount",
        about: "collapse_pte_mapped_thp() does not remove the rmap of the entries",
        oracle: "mapcount_mismatch",
        without: &["remove_rmap"],
        ..CANARY
    },
    Exhibit {
        name: "canary-collapse-keeps-lock",
        about: "collapse_pte_mapped_thp() does not unlock the huge page",
        oracle: "lock_order",
        without: &["unlock_hpage"],
        ..CANARY
    },
    Exhibit {
        name: "canary-collapse-leaks-table",
        about: "collapse_pte_mapped_thp() does not free the table",
        oracle: "pgtable_leak",
        without: &["free_table"],
        ..CANARY
    },
    Exhibit {
        name: "canary-notifier-left-open",
        about: "an invalidation begins and never ends",
        oracle: "notifier_range_left_open",
        without: &["notifier_end"],
        ..CANARY
    },
    Exhibit {
        name: "canary-zap-no-flush",
        about: "a gather frees pages that the CPU itself can still reach",
        oracle: "stale_translation",
        without: &["gather_flush"],
        ..CANARY
    },
    Exhibit {
        name: "canary-fault-no-deposit",
        about: "a huge fault deposits no page table",
        oracle: "nr_ptes_mismatch",
        without: &["huge_deposit"],
        ..CANARY
    },
];
