//! The steps about files: truncation, holes, write(), opening for writing.

use std::ops::Range;

use super::group::steps;
use crate::mm::kernel::Kernel;
use crate::mm::shmem::{self, SgpType};
use crate::mm::types::{FileId, FolioId, MmId, Vaddr, VmaId};
use crate::mm::{file_write, open, shmem_fallocate, shmem_undo, truncate};
use crate::sync::Cpu;

/// An action about a file.
type FileAct = fn(&Cpu<'_>, &Kernel, FileId);
/// An action about a range of a file.
type RangeAct = fn(&Cpu<'_>, &Kernel, FileId, (u32, u32));

steps! {
    /// The part of the table that is about files.
    pub struct FsSteps;

    /// truncate, fallocate() and write() take i_rwsem.
    inode_lock: FileAct = file_write::inode_lock;
    /// ... and drop it.
    inode_unlock: FileAct = file_write::inode_unlock;
    /// truncate unmaps what goes.
    truncate_unmap: fn(&Cpu<'_>, &Kernel, FileId, u32) = |cpu, k, file, first| k.unmap_mapping_range(cpu, file, first, true);
    /// ... and again, when it has left the cache.
    truncate_unmap_again: fn(&Cpu<'_>, &Kernel, FileId, u32) = |cpu, k, file, first| k.unmap_mapping_range(cpu, file, first, true);
    /// A punch publishes its range.
    falloc_publish: RangeAct = shmem_fallocate::publish;
    /// ... and takes that back.
    falloc_clear: FileAct = shmem_fallocate::clear;
    /// A punch unmaps its range.
    punch_unmap: RangeAct = shmem_fallocate::unmap;
    /// A failed allocation takes its pages back.
    unfalloc: RangeAct = shmem_fallocate::undo;
    /// A page that fallocate() has left is cleared.
    clear_fallocated: fn(&Cpu<'_>, &Kernel, FolioId) = shmem_fallocate::clear_fallocated;
    /// `shmem_get_folio` charges the inode for a new folio.
    charge_folio: fn(&Cpu<'_>, &Kernel, FileId, i64) = |cpu, k, file, pages| k.shmem_recalc_inode(cpu, file, pages);
    /// ... and looks at i_size again. `true`: it was truncated.
    i_size_recheck: fn(&Cpu<'_>, &Kernel, FileId, u32, SgpType) -> bool = shmem::truncated_since;
    /// `truncate_inode_folio` finds the folio in the file still.
    truncate_recheck: fn(&Cpu<'_>, &Kernel, FileId, FolioId) -> bool = truncate::still_in_file;
    /// ... and unmaps it.
    truncate_unmap_folio: fn(&Cpu<'_>, &Kernel, FileId, FolioId) = |cpu, k, file, folio| k.unmap_mapping_folio(cpu, file, folio);
    /// The part of a folio that goes is zeroed.
    partial_zero: fn(&Cpu<'_>, &Kernel, FolioId, (u32, u32)) = truncate::zero_range;
    /// The last pass locks a folio.
    undo_lock: fn(&Cpu<'_>, &Kernel, FolioId) = shmem_undo::lock_entry;
    /// ... and unlocks it.
    undo_unlock: fn(&Cpu<'_>, &Kernel, FolioId) = shmem_undo::unlock_entry;
    /// ... and goes on from here after an entry that has gone elsewhere.
    undo_retry: fn(u32, u32) -> u32 = shmem_undo::retry_from;
    /// `filemap_fault` holds invalidate_lock while it reads a page in.
    fault_invalidate_lock: FileAct = open::invalidate_lock_shared;
    /// ... and drops it.
    fault_invalidate_unlock: FileAct = open::invalidate_unlock_shared;
    /// Whoever throws the cache of a regular file away holds invalidate_lock.
    invalidate_lock: FileAct = open::invalidate_lock;
    /// ... and drops it.
    invalidate_unlock: FileAct = open::invalidate_unlock;
    /// A file is opened for writing.
    open_counted: FileAct = open::count_then_look;
    /// ... and its cache is dropped.
    open_drop: FileAct = open::drop_all;
    /// write() zeroes the rest of a folio.
    write_zero_rest: fn(&Kernel, FolioId, (Range<u32>, u32)) = file_write::zero_rest;
    /// MADV_REMOVE drops mmap_lock.
    remove_mmap_unlock: fn(&Cpu<'_>, &Kernel, MmId) = |cpu, k, mm| k.mm(mm).mmap_lock.up_read(cpu);
    /// ... and takes it again.
    remove_mmap_lock: fn(&Cpu<'_>, &Kernel, MmId) = |cpu, k, mm| k.mm(mm).mmap_lock.down_read(cpu);
    /// `__split_huge_pmd` of a file's page without its folio being known.
    split_lock_folio: fn(&Cpu<'_>, &Kernel, VmaId, Vaddr) -> Option<FolioId> = |_, _, _, _| None;
    /// `hpage_collapse_scan_file` counts the mappings of what it has found.
    scan_mapcount: fn(&Cpu<'_>, &Kernel, FolioId) = |_, _, _| {};
}

impl FsSteps {
    /// v6.6 with its fixes.
    pub const FIXED: FsSteps = FsSteps { open_drop: open::drop_written, ..FsSteps::V66 };
}
