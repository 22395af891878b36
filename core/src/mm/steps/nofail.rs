//! `pte_offset_map` as it was before Linux v6.5: it cannot fail.
//!
//! Whoever wants to map a table looks at the PMD entry first, and then takes it that a table stays what it is: any one of
//! mmap_lock, i_mmap_rwsem and anon_vma's keeps it, even if it is held for read only. No RCU section is opened, and under
//! ptl nobody looks again. It is as safe as whoever removes a table holds all of them for write.

use super::group::steps;
use super::table::Steps;
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::nofail;
use crate::mm::types::Pmd;
use crate::sync::{Cpu, Word};

steps! {
    /// The part of the table that is about `pte_offset_map`.
    pub struct NofailSteps;

    /// What the map takes for the entry that was looked at. `None`: there is no table after all.
    walk: fn(&Cpu<'_>, &Kernel, &Word, Pmd) -> Option<Pmd> = |_, _, _, pmd| Some(pmd);
}

impl NofailSteps {
    /// The older protocol.
    pub fn enable(s: &mut Steps) {
        s.nofail = NofailSteps { walk: nofail::read_again };
        s.pte_map_rcu_lock = |_| {};
        s.pte_map_rcu_unlock = |_| {};
        s.pte_map_recheck = |_, _, _, _| true;
    }
}
