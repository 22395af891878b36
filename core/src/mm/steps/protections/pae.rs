//! Entries of two words (kernel-semantics section 3).

use super::{ALL, Protection, READ_LOCKED};

protections! {
    pae_recheck ALL "a lockless reader of two words reads the low one again" |s| s.pae_recheck = |_, _, _| true;
    pae_irq_off ALL "pte_offset_map() reads the two words of the PMD with interrupts off" |s| { s.pae_irq_save = |_| {}; s.pae_irq_restore = |_| {}; };
    pmd_sync READ_LOCKED "whoever unlinks a table waits for CPUs that read the PMD with interrupts off" |s| s.pmd_sync = |_, _| {};
    pte_unmap_same ALL "do_swap_page() finds out that the entry was torn" |s| s.pte_unmap_same = |_, _, _, _, _| true;
}
