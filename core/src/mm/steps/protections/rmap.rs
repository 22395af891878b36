//! The rmap trees and how an mm goes away (kernel-semantics sections 4 and 9).

use super::{ALL, Protection};
use crate::mm::rmap::anon_vma;

protections! {
    i_mmap_link_lock ALL "i_mmap is held for write when a VMA comes or goes: walks of it are over" |s| { s.vma.i_mmap_link_lock = |_, _, _| {}; s.vma.i_mmap_link_unlock = |_, _, _| {}; };
    anon_vma_recheck ALL "anon_vma_prepare() finds the VMA still without an anon_vma under page_table_lock" |s| s.vma.anon_vma_recheck = anon_vma::install;
    anon_vma_mapped_recheck ALL "folio_lock_anon_vma_read() finds the folio still mapped under the lock" |s| s.vma.anon_vma_mapped_recheck = |_, _| true;
    anon_vma_unused ALL "anon_vma_clone() gives a forked VMA an anon_vma that no VMA has as its own" |s| s.vma.anon_vma_reusable = anon_vma::degree_below_two;
    migrate_anon_vma_ref ALL "a migration keeps the anon_vma of the page that it has unmapped" |s| s.vma.migrate_anon_vma_ref = |_, _, _| None;
    unlink_anon_vma_lock ALL "the root is held for write when a VMA leaves its anon_vmas: walks of them are over" |s| s.vma.unlink_anon_vma_lock = |_, _, _, _| {};
    exit_mmap_lock ALL "exit_mmap() frees the tables with mmap_lock for write" |s| { s.vma.exit_mmap_lock = |_, _, _| {}; s.vma.exit_mmap_unlock = |_, _, _| {}; s.vma.free_pgtables_start_write = |_, _, _| {}; };
    test_exit ALL "khugepaged leaves an mm alone that exits" |s| s.vma.test_exit = |_, _, _| false;
    khugepaged_exit_wait ALL "an mm that exits waits for the scan that khugepaged is doing of it" |s| s.vma.khugepaged_exit_wait = |_, _, _| {};
}
