//! The steps of context switches and flushes.

use super::group::steps;

steps! {
    /// The part of the table that is about TLBs.
    pub struct TlbSteps;

    /// A flush interrupts: a CPU with interrupts off is waited for. Hardware that flushes by broadcast does not.
    flush_interrupts: fn() -> bool = || true;
    /// A CPU that comes back to an mm flushes what it has missed.
    switch_flushes: fn() -> bool = || true;
    /// Whoever unmaps by rmap may put the flush off and do many at once.
    unmap_batches: fn() -> bool = || true;
    /// `flush_tlb_range` takes it that page tables are freed.
    flush_range_freed_tables: fn() -> bool = || false;
    /// `tlb_remove_table_sync_one` works without CONFIG_MMU_GATHER_RCU_TABLE_FREE, too.
    sync_without_rcu_tables: fn() -> bool = || false;
}

impl TlbSteps {
    /// With the fixes.
    pub const FIXED: TlbSteps = TlbSteps {
        flush_range_freed_tables: || true,
        sync_without_rcu_tables: || true,
        ..TlbSteps::V66
    };
}
