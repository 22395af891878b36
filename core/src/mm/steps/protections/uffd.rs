//! userfaultfd.

use super::{ALL, FIXED, Protection};
use crate::mm::userfaultfd;

protections! {
    uffd_missing ALL "a fault on anonymous memory finds out under ptl that userfaultfd wants to hear of it" |s| s.uffd.missing = |_, _| false;
    uffd_shmem_missing ALL "... and one on a hole of a file before it fills it" |s| s.uffd.shmem_missing = |_, _| false;
    uffd_wp_fault ALL "do_wp_page() tells userfaultfd of a write to a page that it protects" |s| s.uffd.wp_fault = |_, _, _| false;
    uffd_wp_flush_pending ALL "do_wp_page() flushes what a write-protection under way has not flushed yet" |s| s.uffd.wp_flush_pending = |_, _, _| {};
    uffd_registered ALL "mfill_atomic() fills registered VMAs only" |s| s.uffd.registered = |_, _| true;
    uffd_anon_vma ALL "... prepares the anon_vma of a private one before it takes ptl" |s| s.uffd.anon_vma_prepare = |_, _, _| true;
    uffd_pmd_once FIXED "... believes one reading of the PMD entry" |s| s.uffd.prepare_pmd = userfaultfd::steps::prepare_pmd;
    uffd_install_none ALL "... installs a page only over nothing, or a marker" |s| s.uffd.install_over = |_| true;
    uffd_store_none ALL "... and the zero page or a poisoned marker only over nothing" |s| s.uffd.store_over = |_| true;
    uffd_keep_locked ALL "a page that it adds to a file stays locked until it is mapped" |s| s.uffd.keep_locked = userfaultfd::steps::unlock_early;
    uffd_wake ALL "whoever resolves a fault wakes whoever waits" |s| s.uffd.wake = |_, _, _, _, _| {};
    uffd_unregister_wake ALL "... and so does whoever unregisters" |s| s.uffd.unregister_wake = |_, _, _, _, _| {};
    uffd_register_again FIXED "a registration without write-protection lifts that of an earlier one" |s| s.uffd.register_again = |_, _, _, _, _| {};
    uffd_wp_prepare ALL "a write-protection of a file makes sure that there is a table for markers" |s| s.uffd.wp_prepare = |_, _, _, _, _| true;
    uffd_wp_none_again FIXED "... and begins again where there is none because a huge page was zapped" |s| s.uffd.wp_none_again = |_, _, _| false;
    uffd_wp_split ALL "... and splits a huge page of it" |s| s.uffd.wp_split_file = |_, _| false;
    uffd_wp_again ALL "... and begins again where a table has gone" |s| s.uffd.wp_again = |_| true;
    uffd_wp_flush ALL "... and flushes before it returns" |s| s.uffd.wp_finish = userfaultfd::steps::finish_unflushed;
    uffd_unmap_marker ALL "try_to_unmap() leaves a marker where a page of a file was write-protected" |s| s.uffd.unmap_marker = |_, _, _, _| {};
    uffd_zap_marker ALL "... and so does a zap whose mapping stays" |s| s.uffd.zap_marker = |_, _, _, _, _| {};
    uffd_swapin_wp ALL "a page that is swapped in is write-protected as it was" |s| s.uffd.swapin_wp = |_, entry| entry;
}
