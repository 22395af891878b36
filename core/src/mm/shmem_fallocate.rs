//! `shmem_fallocate`: holes are punched into files of shmem, and pages allocated for them (kernel-semantics section 11.2).
//!
//! While it punches, a fault in the range would bring a page back as fast as it is removed. So the range is published in
//! `i_private`, and faults on it sleep until the hole is there.

use super::kernel::Kernel;
use super::khugepaged::Errno;
use super::memory::VmFault;
use super::place::{func, ip};
use super::shmem::SgpType;
use super::types::FileId;
use crate::mm::folio::flags;
use crate::sync::Cpu;

#[cfg(test)]
mod tests;

/// `struct shmem_falloc`, in a word: what `i_private` points to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct ShmemFalloc {
    /// First page.
    start: u32,
    /// The page behind the last, or where an allocation has come to.
    next: u32,
    /// Faults wait: a hole is being punched.
    punch: bool,
}

impl ShmemFalloc {
    const SOMETHING: u64 = 1 << 63;

    fn to_word(self) -> u64 {
        ShmemFalloc::SOMETHING
            | u64::from(self.punch) << 62
            | u64::from(self.start) << 32 & 0x3fff_ffff_0000_0000
            | u64::from(self.next)
    }

    fn of(word: u64) -> Option<ShmemFalloc> {
        (word != 0).then_some(ShmemFalloc {
            start: (word >> 32) as u32 & 0x3fff_ffff,
            next: word as u32,
            punch: word >> 62 & 1 == 1,
        })
    }
}

impl Kernel {
    /// `fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)` of the pages `[start, end)`. May sleep; mmap_lock is not
    /// held.
    pub fn shmem_punch_hole(&self, cpu: &Cpu<'_>, file: FileId, (start, end): (u32, u32)) {
        let _f = cpu.enter(func::shmem_fallocate);
        let steps = &self.steps.fs;
        if start >= end {
            return;
        }
        (steps.inode_lock)(cpu, self, file);
        (steps.falloc_publish)(cpu, self, file, (start, end));
        cpu.pass(ip::punch_published);
        (steps.punch_unmap)(cpu, self, file, (start, end));
        cpu.pass(ip::punch_unmapped);
        self.shmem_undo_range(cpu, file, (start, end), false);
        // No need to unmap again: a hole leaves private copies alone.
        (steps.falloc_clear)(cpu, self, file);
        (steps.inode_unlock)(cpu, self, file);
    }

    /// `fallocate()` of the pages `[start, end)`: they are in the cache afterwards, though not all of them cleared. ENOMEM:
    /// there was no memory for all of them, and none is.
    pub fn shmem_fallocate(&self, cpu: &Cpu<'_>, file: FileId, (start, end): (u32, u32)) -> Errno {
        let _f = cpu.enter(func::shmem_fallocate);
        let mapping = self.mapping(file);
        (self.steps.fs.inode_lock)(cpu, self, file);
        set_falloc(cpu, self, file, Some(ShmemFalloc { start, next: start, punch: false }));
        let before = mapping.fallocend.peek();
        if before < u64::from(end) {
            mapping.fallocend.poke(u64::from(end));
        }
        let (mut index, mut errno) = (start, Errno::Ok);
        while index < end && errno == Errno::Ok {
            let Ok(folio) = self.shmem_get_folio(cpu, file, index, SgpType::Falloc) else {
                mapping.fallocend.poke(before);
                if index > start {
                    (self.steps.fs.unfalloc)(cpu, self, file, (start, index));
                }
                errno = Errno::Enomem;
                break;
            };
            index = self.folio_range(folio).1;
            // It stays as it is, so that a failure further on knows it again; but dirty, or reclaim would drop it.
            self.folio_mark_dirty(cpu, folio);
            self.unlock_and_put(cpu, folio);
            cpu.pass(ip::falloc_page);
        }
        if errno == Errno::Ok && u64::from(end) > mapping.i_size.read_once(cpu) {
            mapping.i_size.write_once(cpu, u64::from(end));
        }
        set_falloc(cpu, self, file, None);
        (self.steps.fs.inode_unlock)(cpu, self, file);
        errno
    }

    /// The part of `shmem_fault` that is about a hole being punched. `true`: the fault has given its lock up and slept, and
    /// must be tried again.
    pub(super) fn shmem_falloc_wait(
        &self,
        cpu: &Cpu<'_>,
        vmf: &VmFault,
        file: FileId,
        index: u32,
    ) -> bool {
        let mapping = self.mapping(file);
        // Mostly there is nothing to see: no lock for that, and no step.
        if mapping.i_private.peek() == 0 {
            return false;
        }
        mapping.i_lock.lock(cpu);
        let word = mapping.i_private.read_once(cpu);
        let in_the_way = ShmemFalloc::of(word)
            .is_some_and(|falloc| falloc.punch && (falloc.start..falloc.next).contains(&index));
        mapping.i_lock.unlock(cpu);
        if in_the_way {
            // Whoever waits to write-lock mmap_lock need not wait for the punch too.
            self.release_fault_lock(cpu, vmf);
            mapping.falloc_waitq.wait_event(cpu, || mapping.i_private.peek() != word);
        }
        in_the_way
    }
}

fn set_falloc(cpu: &Cpu<'_>, k: &Kernel, file: FileId, falloc: Option<ShmemFalloc>) {
    let mapping = k.mapping(file);
    mapping.i_lock.lock(cpu);
    mapping.i_private.write_once(cpu, falloc.map_or(0, ShmemFalloc::to_word));
    mapping.i_lock.unlock(cpu);
}

/// From here on faults on the range wait.
pub(super) fn publish(cpu: &Cpu<'_>, k: &Kernel, file: FileId, (start, next): (u32, u32)) {
    set_falloc(cpu, k, file, Some(ShmemFalloc { start, next, punch: true }));
}

/// ... until here.
pub(super) fn clear(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    let mapping = k.mapping(file);
    mapping.i_lock.lock(cpu);
    mapping.i_private.write_once(cpu, 0);
    mapping.falloc_waitq.wake_up_all(cpu);
    mapping.i_lock.unlock(cpu);
}

/// `unmap_mapping_range` of a hole: private copies stay.
pub(super) fn unmap(cpu: &Cpu<'_>, k: &Kernel, file: FileId, range: (u32, u32)) {
    k.unmap_mapping_pages(cpu, file, range, false);
}

/// What an allocation that has failed has left: the pages that nobody has filled since.
pub(super) fn undo(cpu: &Cpu<'_>, k: &Kernel, file: FileId, range: (u32, u32)) {
    k.shmem_undo_range(cpu, file, range, true);
}

/// SGP_CACHE meets a page that fallocate() has left: it is cleared before anybody sees it.
pub(super) fn clear_fallocated(cpu: &Cpu<'_>, k: &Kernel, folio: crate::mm::FolioId) {
    if !k.folio(folio).has(flags::UPTODATE) {
        k.clear_not_uptodate(cpu, folio);
    }
}

/// ... who is not told.
pub(super) fn clear_only(cpu: &Cpu<'_>, k: &Kernel, file: FileId) {
    set_falloc(cpu, k, file, None);
}

/// The page counts as cleared, and holds whatever it held.
pub(super) fn uptodate_only(_: &Cpu<'_>, k: &Kernel, folio: crate::mm::FolioId) {
    k.folio(folio).flags.poke_bits(flags::UPTODATE, 0);
}
