//! What `retract_page_tables()` relies on (kernel-semantics section 8).

use super::{ALL, FIXED, Protection, READ_LOCKED};

protections! {
    retract_i_mmap READ_LOCKED "retract_page_tables() holds i_mmap_rwsem" |s| { s.file.retract_lock = |_, _, _| {}; s.file.retract_unlock = |_, _, _| {}; };
    retract_covers ALL "... leaves a table alone that maps something else too" |s| s.file.retract_covers = |_, _, _| true;
    retract_test_exit ALL "... and that of an mm that is exiting" |s| s.file.retract_test_exit = |_, _, _| false;
    retract_notifier READ_LOCKED "... tells mirrors" |s| { s.file.retract_notify_start = |_, _, _, _| {}; s.file.retract_notify_end = |_, _, _, _| {}; };
    retract_pml READ_LOCKED "... holds pml" |s| { s.file.retract_lock_pml = |_, _, _| {}; s.file.retract_unlock_pml = |_, _, _| {}; };
    retract_ptl READ_LOCKED "... holds ptl inside pml" |s| { s.file.retract_lock_ptl = |_, _, _| {}; s.file.retract_unlock_ptl = |_, _, _| {}; };
    retract_anon_vma ALL "... leaves a table alone that may have copies in it" |s| s.file.retract_anon_vma = |_, _, _| false;
    retract_recheck_anon_vma ALL "... and asks for an anon_vma again under ptl" |s| s.file.retract_recheck_anon_vma = |_, _, _| false;
    retract_uffd_wp READ_LOCKED "... leaves a table alone that may have markers in it" |s| s.file.retract_uffd_wp = |_, _, _| false;
    retract_recheck_uffd_wp READ_LOCKED "... and asks for uffd-wp again under ptl" |s| s.file.retract_recheck_uffd_wp = |_, _, _| false;
    retract_recheck_poison FIXED "... and leaves a table alone that has a marker of a poisoned page in it" |s| s.file.retract_recheck_poison = |_, _, _| false;
    retract_free_defer READ_LOCKED "... and frees the table after a grace period" |s| s.file.retract_free = |cpu, k, table| k.pte_free(cpu, table);
}
