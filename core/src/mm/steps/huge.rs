//! The steps of huge anonymous pages, which the eras have in common.

use crate::mm::huge_memory::{anon, split, split_anon, wp, zap};
use crate::mm::kernel::Kernel;
use crate::mm::pagewalk;
use crate::mm::types::{FolioId, MmId, Pfn, Pmd, TableId, Vaddr};
use crate::sync::{Cpu, Word};

/// Whether the entry is still the one that was read without a lock.
type PmdRecheck = fn(&Cpu<'_>, &Word, Pmd) -> bool;

/// Field by field, what the kernel does there.
#[derive(Clone, Copy, Debug)]
pub struct HugeSteps {
    /// A huge fault finds the PMD empty under pml.
    pub pmd_recheck: fn(&Cpu<'_>, &Word) -> bool,
    /// A huge fault deposits a table.
    pub deposit: fn(&Cpu<'_>, &Kernel, MmId, TableId),
    /// A zap frees the deposited table.
    pub zap_deposited: fn(&Cpu<'_>, &Kernel, MmId),
    /// ... and keeps the dirty bit of a file's page. v6.6 does not.
    pub zap_dirty: fn(&Cpu<'_>, &Kernel, FolioId, Pmd),
    /// `do_huge_pmd_wp_page` finds the same entry under pml.
    pub wp_recheck: PmdRecheck,
    /// ... and again after it has slept on the folio lock.
    pub wp_relock_recheck: PmdRecheck,
    /// ... and reuses a page that is not exclusive only if nobody else holds it.
    pub wp_only_ref: fn(&Cpu<'_>, &Kernel, FolioId) -> bool,
    /// `do_huge_pmd_numa_page` finds the same entry under pml.
    pub numa_recheck: PmdRecheck,
    /// A walk that only looks finds nothing under a PMD entry.
    pub walk_hole: fn(&Cpu<'_>, &Kernel, MmId, Vaddr) -> bool,
    /// `__split_huge_pmd` for the sake of a folio: the entry, a huge one or a migration entry, is about that one.
    pub split_about: fn(&Cpu<'_>, &Kernel, Pmd, FolioId) -> bool,
    /// `__split_huge_pmd` finds a huge entry under pml.
    pub split_recheck: fn(Pmd) -> bool,
    /// A split of anonymous memory invalidates the huge entry, and flushes it, before there are small ones.
    pub split_invalidate: fn(&Cpu<'_>, &Kernel, MmId, Vaddr) -> Pmd,
    /// ... and makes each page exclusive if the huge page was.
    pub split_exclusive: fn(&Kernel, Pfn, bool),
}

impl HugeSteps {
    /// Linux v6.6.
    pub const V66: HugeSteps = HugeSteps {
        pmd_recheck: anon::pmd_is_none,
        deposit: |cpu, k, mm, table| k.pgtable_trans_huge_deposit(cpu, mm, table),
        zap_deposited: zap::zap_deposited_table,
        zap_dirty: |_, _, _, _| {},
        wp_recheck: wp::pmd_same,
        wp_relock_recheck: wp::pmd_same,
        wp_only_ref: wp::only_ref,
        numa_recheck: wp::pmd_same,
        walk_hole: pagewalk::is_hole,
        split_about: split::decoded_folio,
        split_recheck: split::is_huge,
        split_invalidate: |cpu, k, mm, haddr| k.pmdp_invalidate(cpu, mm, haddr),
        split_exclusive: split_anon::keep_exclusive,
    };

    /// v6.6 with its fixes.
    pub const FIXED: HugeSteps = HugeSteps {
        zap_dirty: zap::keep_dirty,
        split_about: split::present_folio,
        ..HugeSteps::V66
    };
}
