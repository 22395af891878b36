//! Page-table reclaim, which came in Linux v6.14: MADV_DONTNEED of a whole unit frees the page table, too.
//!
//! v6.6 has none of it. [`PtReclaimSteps::enable`] makes a kernel of then out of one: with the reclaim come the looks that
//! others have to take since, and each of them can be left out again.

use super::group::steps;
use super::table::Steps;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::{collapse_huge_page, locks, unlink};
use crate::mm::pt_reclaim;
use crate::mm::tlb::MmuGather;
use crate::mm::types::{Pmd, TableId};
use crate::sync::Cpu;

steps! {
    /// The part of the table that is about page-table reclaim.
    pub struct PtReclaimSteps;

    /// A zap for MADV_DONTNEED frees the tables that it has emptied.
    reclaim: fn() -> bool = || false;
    /// MADV_DONTNEED holds the lock of the VMA only, if that will do (v6.17).
    dontneed_under_vma_lock: fn() -> bool = || false;
    /// `tlb_remove_table_one`: there is no memory for a batch of tables.
    remove_table_one: fn(&Cpu<'_>, &Kernel, &mut MmuGather, TableId) = pt_reclaim::sync_and_free;
    /// `retract_page_tables` looks at the entry under pml; whether it goes on.
    retract_check_pmd: fn(&Cpu<'_>, Pmd) -> bool = pt_reclaim::must_be_table;
}

impl PtReclaimSteps {
    /// Page-table reclaim, and what it needs.
    pub fn enable(s: &mut Steps) {
        s.pt_reclaim = PtReclaimSteps {
            reclaim: || true,
            dontneed_under_vma_lock: || true,
            remove_table_one: pt_reclaim::free_by_rcu,
            retract_check_pmd: |_, pmd| pmd.is_table(),
        };
        s.anon.check_pmd_late = collapse_huge_page::check_pmd;
        s.map_step2 = locks::map_same;
        s.lock_step4 = locks::pml_then_ptl_if_same;
        s.unlink = unlink::collapse_flush_if_same;
        s.dec_nr_ptes = unlink::if_unlinked::<0>;
        s.ptc_clear_range = unlink::if_unlinked::<1>;
        s.free_table = unlink::if_unlinked::<2>;
    }
}
