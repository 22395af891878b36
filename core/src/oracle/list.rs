//! The list of all oracles. One that fails early hides those that come later.

use super::{
    Oracle, anon_vma, content, contract, counters, gup, lifetime, locking, mm_struct, notifier,
    page_cache, progress, tables, tlb, vma, walkers,
};

/// All oracles, in the order in which they are asked.
pub const ORACLES: &[Oracle] = &[
    lifetime::PGTABLE_USED_AFTER_FREE,
    lifetime::WRITE_TO_DETACHED_TABLE,
    tables::TABLE_UNLINKED_WITH_ENTRIES,
    tables::TABLE_LINKAGE,
    tables::TORN_ENTRY,
    tables::BOGUS_TABLE_ENTRY,
    lifetime::FOLIO_FREED_IN_USE,
    gup::HELD_PAGE_FREED,
    gup::GUP_PAGE_NOT_MAPPED,
    gup::GUP_PIN_NOT_ALLOWED,
    gup::PIN_SEPARATED,
    tlb::STALE_TRANSLATION,
    tlb::HUGE_AND_SMALL_COEXIST,
    tlb::REPLACED_BEFORE_FLUSH,
    notifier::SECONDARY_MMU_STALE,
    notifier::CHANGE_OUTSIDE_NOTIFIER_RANGE,
    notifier::NOTIFIER_RANGE_LEFT_OPEN,
    locking::LOCK_NOT_HELD,
    locking::LOCK_MUST_NOT_BE_HELD,
    locking::UNLOCK_NOT_OWNER,
    locking::LOCK_ORDER,
    locking::SLEEP_IN_ATOMIC,
    locking::LOCK_LEFT_HELD,
    lifetime::VM_BUG_ON,
    content::LOST_WRITE,
    contract::HPAGE_PTE_APPEARED,
    contract::COLLAPSE_RESULT,
    contract::MADVISE_RESULT,
    walkers::WALK_MISCOUNTED,
    counters::PAGE_TABLE_CHECK,
    counters::PAGE_TABLE_CHECK_FALSE_ALARM,
    counters::MAPCOUNT_MISMATCH,
    counters::BAD_RSS_COUNTER,
    counters::REFCOUNT_MISMATCH,
    gup::PINCOUNT_MISMATCH,
    counters::NR_PTES_MISMATCH,
    counters::SWAP_COUNT_MISMATCH,
    tables::PGTABLE_LEAK,
    tables::DEPOSIT_MISMATCH,
    tables::MIGRATION_ENTRY_UNLOCKED,
    tables::MIGRATION_ENTRY_LEFT,
    page_cache::PAGE_CACHE_INCONSISTENT,
    page_cache::BAD_SHMEM_ACCOUNTING,
    vma::VMA_USED_AFTER_FREE,
    vma::VMA_INCONSISTENT,
    anon_vma::ANON_VMA_USED_AFTER_FREE,
    anon_vma::ANON_VMA_INCONSISTENT,
    mm_struct::KHUGEPAGED_SLOT_MISMATCH,
    mm_struct::MM_COUNT_MISMATCH,
    mm_struct::GATHER_LEFT_OPEN,
    progress::DEADLOCK,
    progress::LIVELOCK,
    progress::PANIC,
];

/// The oracle of that name.
pub fn oracle(name: &str) -> Option<&'static Oracle> {
    ORACLES.iter().find(|oracle| oracle.name == name)
}
