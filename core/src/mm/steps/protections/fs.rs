//! Files: truncation, holes, opening, writing.

use super::{ALL, FIXED, Protection};
use crate::mm::huge_memory::split;
use crate::mm::khugepaged::scan;
use crate::mm::open;
use crate::mm::shmem_fallocate;
use crate::mm::shmem_undo;

protections! {
    inode_lock ALL "truncate, fallocate() and write() hold i_rwsem: one of them at a time" |s| { s.fs.inode_lock = |_, _, _| {}; s.fs.inode_unlock = |_, _, _| {}; };
    truncate_unmap ALL "truncate unmaps what goes" |s| { s.fs.truncate_unmap = |_, _, _, _| {}; s.fs.truncate_unmap_again = |_, _, _, _| {}; };
    truncate_unmap_again ALL "... and again afterwards: private copies of pages that were in the cache still" |s| s.fs.truncate_unmap_again = |_, _, _, _| {};
    truncate_unmap_folio ALL "a folio that leaves the cache is unmapped: a fault may have been faster" |s| s.fs.truncate_unmap_folio = |_, _, _, _| {};
    truncate_recheck ALL "a folio that is locked to be truncated is in the file still" |s| s.fs.truncate_recheck = |_, _, _, _| true;
    undo_lock ALL "a folio is locked before it is truncated: no fault maps it then" |s| { s.fs.undo_lock = |_, _, _| {}; s.fs.undo_unlock = |_, _, _| {}; };
    undo_retry ALL "where somebody else has removed a folio the last pass looks again" |s| s.fs.undo_retry = shmem_undo::retry_not;
    partial_zero ALL "the part of a huge page that goes is zeroed: it may turn out that the page must stay" |s| s.fs.partial_zero = |_, _, _, _| {};
    falloc_publish ALL "faults on a hole wait until it is punched" |s| s.fs.falloc_publish = |_, _, _, _| {};
    falloc_wake ALL "... and are woken then" |s| s.fs.falloc_clear = shmem_fallocate::clear_only;
    unfalloc ALL "an allocation that fails takes back what it has allocated" |s| s.fs.unfalloc = |_, _, _, _| {};
    clear_fallocated ALL "a page that fallocate() has left is cleared before anybody sees it" |s| s.fs.clear_fallocated = shmem_fallocate::uptodate_only;
    charge_folio ALL "an inode is charged for a page that a fault has made" |s| s.fs.charge_folio = |_, _, _, _| {};
    i_size_recheck ALL "shmem_get_folio() looks at i_size again when the new folio can be found" |s| s.fs.i_size_recheck = |_, _, _, _, _| false;
    invalidate_lock ALL "no page is read in while the cache of a regular file is thrown away" |s| { s.fs.invalidate_lock = |_, _, _| {}; s.fs.invalidate_unlock = |_, _, _| {}; };
    open_drops_huge ALL "a regular file that is opened for writing loses its huge pages" |s| s.fs.open_counted = open::count_only;
    open_counts_first ALL "... which is looked for after it was counted as open" |s| s.fs.open_counted = open::look_then_count;
    open_writes_back FIXED "... but not what is dirty: that is written out first" |s| s.fs.open_drop = open::drop_all;
    write_zero_rest ALL "write() clears the rest of a folio that nobody has cleared" |s| s.fs.write_zero_rest = |_, _, _| {};
    remove_unlocked ALL "MADV_REMOVE drops mmap_lock before it punches" |s| { s.fs.remove_mmap_unlock = |_, _, _| {}; s.fs.remove_mmap_lock = |_, _, _| {}; };
    split_no_folio_lock ALL "the split of a file's PMD by a zap takes no folio lock: it is under i_mmap_rwsem" |s| s.fs.split_lock_folio = split::lock_file_folio;
    scan_page_mapcount ALL "a scan of the page cache reads nothing that only a large folio has" |s| s.fs.scan_mapcount = scan::large_mapcount;
}
