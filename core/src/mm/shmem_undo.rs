//! `shmem_undo_range`: a range of a file of shmem goes, because the file is truncated, a hole is punched, or an
//! allocation has failed half-way (kernel-semantics section 11.2).
//!
//! Three passes: what can be locked at once; the folios across the two ends; the rest, waiting for locks. Faults may bring
//! pages back meanwhile: a truncation goes round until nothing is left, a punch does not.

use super::filemap::Slot;
use super::folio::{Mapping, flags};
use super::kernel::Kernel;
use super::place::{func, ip};
use super::types::{FileId, FolioId};
use crate::sync::Cpu;

/// What the last pass did to an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undone {
    /// The folio has left the cache, or may stay.
    Gone,
    /// It had left before.
    NotOurs,
    /// It was split: its pieces are next.
    Split,
    /// It could not be split, and stays for the pages outside of the range; those inside are zero.
    Kept,
}

/// v6.6: whatever is found is removed as a whole. But a collapse may have stored a huge page there since the partial
/// folios were dealt with, and then pages outside of the range go too.
pub(super) fn undo_whole(
    cpu: &Cpu<'_>,
    k: &Kernel,
    file: FileId,
    folio: FolioId,
    _: (u32, u32),
) -> Undone {
    if k.truncate_inode_folio(cpu, file, folio) { Undone::Gone } else { Undone::NotOurs }
}

/// The fix: a huge page is split, and only what lies in the range goes.
pub(super) fn undo_split(
    cpu: &Cpu<'_>,
    k: &Kernel,
    file: FileId,
    folio: FolioId,
    range: (u32, u32),
) -> Undone {
    if !k.folios.is_large(folio) || k.folio(folio).read_mapping(cpu) != Mapping::File(file) {
        return undo_whole(cpu, k, file, folio, range);
    }
    k.folio_mark_dirty(cpu, folio);
    match k.truncate_inode_partial_folio(cpu, file, folio, range) {
        false => Undone::Kept,
        true if k.folios.is_large(folio) => Undone::Gone,
        true => Undone::Split,
    }
}

/// Somebody else has removed the entry at `at`: it is looked at again, in a punch as in a truncation.
pub(super) fn retry_from(at: u32, _: u32) -> u32 {
    at
}

/// Goes on behind it.
pub(super) fn retry_not(_: u32, next: u32) -> u32 {
    next
}

/// `PAGEVEC_SIZE`: folios that one look at the cache gathers.
pub(super) const BATCH: usize = 15;

impl Kernel {
    /// `shmem_undo_range` of the pages `[lstart, lend)`; `u32::MAX` is the end of the file, wherever that is. With
    /// `unfalloc` only what the failed allocation has left goes.
    pub(super) fn shmem_undo_range(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        (lstart, lend): (u32, u32),
        unfalloc: bool,
    ) {
        let _f = cpu.enter(func::shmem_undo_range);
        let fallocend = &self.mapping(file).fallocend;
        let end = u64::from(lend);
        if (u64::from(lstart) + 1..=end).contains(&fallocend.peek()) && !unfalloc {
            fallocend.poke(u64::from(lstart));
        }
        let mut swaps_freed = self.undo_lockable(cpu, file, (lstart, lend), unfalloc);
        cpu.pass(ip::undo_partial);
        let rest =
            if unfalloc { (lstart, lend) } else { self.undo_partial(cpu, file, (lstart, lend)) };
        swaps_freed += self.undo_rest(cpu, file, (lstart, lend), rest, unfalloc);
        self.shmem_recalc(cpu, file, 0, -swaps_freed);
    }

    /// (a) of the semantics: what can be locked at once. Returns how many pages went that were in swap.
    fn undo_lockable(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        (start, end): (u32, u32),
        unfalloc: bool,
    ) -> i64 {
        let (mut index, mut swaps_freed) = (start, 0);
        loop {
            cpu.pass(ip::undo_scan);
            let mut batch = [(0, Slot::Empty); BATCH];
            let found = self.find_lock_entries(cpu, file, &mut index, (start, end), &mut batch);
            for &(at, slot) in &batch[..found] {
                match slot {
                    Slot::Folio(folio) => {
                        if !(unfalloc && self.folio(folio).has(flags::UPTODATE)) {
                            self.truncate_inode_folio(cpu, file, folio);
                        }
                        self.folio(folio).lock.unlock(cpu);
                    }
                    Slot::Value(swap) if !unfalloc => {
                        swaps_freed += i64::from(self.shmem_free_swap(cpu, file, at, swap));
                    }
                    Slot::Value(_) | Slot::Empty | Slot::Retry => {}
                }
            }
            self.put_entries(cpu, &batch[..found]);
            if found == 0 {
                return swaps_freed;
            }
        }
    }

    /// (b): the folio that holds the first page, and, unless it is the same, the one that holds the last. Returns the range
    /// that is left for (c).
    ///
    /// A folio that cannot be split stays as a whole, for its pages outside; those inside become zeroes.
    fn undo_partial(&self, cpu: &Cpu<'_>, file: FileId, (lstart, lend): (u32, u32)) -> (u32, u32) {
        let (mut start, mut end) = (lstart, lend);
        let mut same_folio = lstart + 1 == lend;
        if let Some(folio) = self.shmem_get_partial_folio(cpu, file, lstart) {
            let (first, next) = self.folio_range(folio);
            same_folio = lend <= next;
            if !self.undo_partial_folio(cpu, file, folio, (lstart, lend)) {
                start = next;
                if same_folio {
                    end = first;
                }
            }
        }
        if !same_folio
            && lend != u32::MAX
            && let Some(folio) = self.shmem_get_partial_folio(cpu, file, lend - 1)
        {
            let (first, _) = self.folio_range(folio);
            if !self.undo_partial_folio(cpu, file, folio, (lstart, lend)) {
                end = first;
            }
        }
        (start, end)
    }

    /// The locked folio is dirty from here on: what it loses must be written out as zeroes.
    fn undo_partial_folio(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        folio: FolioId,
        range: (u32, u32),
    ) -> bool {
        self.folio_mark_dirty(cpu, folio);
        let gone = self.truncate_inode_partial_folio(cpu, file, folio, range);
        self.unlock_and_put(cpu, folio);
        gone
    }

    /// (c): whatever is left, or comes back, from `start` to `end`. Waits for locks. Returns how many pages went that were
    /// in swap.
    fn undo_rest(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        range: (u32, u32),
        (mut start, end): (u32, u32),
        unfalloc: bool,
    ) -> i64 {
        let steps = &self.steps.fs;
        let (mut index, mut swaps_freed) = (start, 0);
        while index < end {
            cpu.pass(ip::undo_scan);
            let mut batch = [(0, Slot::Empty); BATCH];
            let from = index;
            let found = self.find_get_entries(cpu, file, &mut index, end, &mut batch);
            if found == 0 {
                // All gone; and a hole is left to the faults that come now.
                if from == start || end != u32::MAX {
                    break;
                }
                index = start;
            }
            for (n, &(at, slot)) in batch[..found].iter().enumerate() {
                cpu.pass(ip::undo_entry);
                let undone = match slot {
                    Slot::Value(_) if unfalloc => Undone::Gone,
                    Slot::Value(swap) if self.shmem_free_swap(cpu, file, at, swap) => {
                        swaps_freed += 1;
                        Undone::Gone
                    }
                    // It has become a page.
                    Slot::Value(_) => Undone::NotOurs,
                    Slot::Folio(folio) => {
                        (steps.undo_lock)(cpu, self, folio);
                        let undone = if unfalloc && self.folio(folio).has(flags::UPTODATE) {
                            Undone::Gone
                        } else {
                            (self.steps.undo_entry)(cpu, self, file, folio, range)
                        };
                        if undone == Undone::Kept {
                            start = start.max(self.folio_range(folio).1);
                        }
                        (steps.undo_unlock)(cpu, self, folio);
                        undone
                    }
                    Slot::Empty | Slot::Retry => Undone::Gone,
                };
                // Somebody else has removed it, and something else may be there: look again from here on. Or it is in
                // pieces now, which are looked at one by one.
                match undone {
                    Undone::NotOurs => index = (steps.undo_retry)(at, index),
                    Undone::Split => index = start,
                    Undone::Gone | Undone::Kept => {
                        self.put_entries(cpu, &batch[n..=n]);
                        continue;
                    }
                }
                self.put_entries(cpu, &batch[n..found]);
                break;
            }
        }
        swaps_freed
    }
}

/// The folio lock of the last pass, which may have to be waited for.
pub(super) fn lock_entry(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) {
    k.folio(folio).lock.lock(cpu);
}

/// ... and its release.
pub(super) fn unlock_entry(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) {
    k.folio(folio).lock.unlock(cpu);
}
