//! `collapse_huge_page`: small anonymous pages become a huge one (kernel-semantics section 9.11).
//!
//! `run.rs` has its stages in their order, `swapin.rs` what comes before the lock, `isolate.rs` how the pages of the
//! unlinked table become the collapse's own, `copy.rs` how their contents move, `rollback.rs` the way back, `locks.rs` the
//! locks around it.

mod copy;
mod isolate;
mod locks;
mod rollback;
mod run;
mod swapin;
#[cfg(test)]
mod tests;

pub use copy::{
    clear_old_pte, clear_old_pte_unlocked, count_zero_page, free_old_page, leave_old_pte,
};
pub use isolate::{
    is_present, isolate_lru, putback_lru, refcount_suitable, trylock_page, unlock_page,
};
pub use locks::{
    anon_vma_lock, anon_vma_unlock, check_pmd, lock_pml, mmap_lock, mmap_unlock, notify_end,
    notify_start, sync_one, unlock_pml,
};
pub use rollback::{release_pages, release_then_restore, restore_pmd, restore_then_release};
pub use run::{CollapseHuge, deposit};
