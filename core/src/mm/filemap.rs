//! The page cache of a file, and the VMAs that map it (kernel-semantics section 2.4).

use super::class::Class;
use super::folio::{Mapping, flags};
use super::interval_tree::IntervalTree;
use super::kernel::{FILE_UNITS_MAX, Kernel};
use super::place::func;
use super::rank;
use super::types::{FileId, FolioId, Pfn, SwapId};
use crate::sync::{Cpu, LockClass, Rwsem, Spinlock, WaitQueue, Word};

/// An address_space of shmem, with the inode that it belongs to.
#[derive(Debug)]
pub struct AddressSpace {
    /// Which one.
    pub id: FileId,
    /// Whether it is a regular file, whose huge pages are read-only (CONFIG_READ_ONLY_THP_FOR_FS), and not shmem.
    pub regular: bool,
    /// `inode->i_rwsem`.
    pub i_rwsem: Rwsem,
    /// `i_mmap_rwsem`.
    pub i_mmap_rwsem: Rwsem,
    /// The lock of `i_pages`.
    pub xa_lock: Spinlock,
    /// `inode->i_size`, in pages.
    pub i_size: Word,
    /// `i_mmap`: the VMAs that map it.
    pub i_mmap: IntervalTree,
    /// `i_pages`: a [`Slot`] at each index (a huge folio at each of its indices).
    pub i_pages: Vec<Word>,
    /// `nrpages`: pages in the cache. Changes under xa_lock.
    pub nrpages: Word,
    /// `info->alloced` of shmem: pages that the inode is charged for.
    pub alloced: Word,
    /// `info->swapped` of shmem: pages that are swapped out. Under `info->lock`.
    pub swapped: Word,
    /// `nr_thps`: huge pages that a regular file has, or is about to have.
    pub nr_thps: Word,
    /// `inode->i_writecount`: who has the file open for writing.
    pub i_writecount: Word,
    /// How often programs have opened it for writing, and not closed it yet.
    pub opened: Word,
    /// `info->lock`.
    pub info_lock: Spinlock,
    /// `invalidate_lock`: whoever reads pages of a regular file in holds it for read, whoever throws the cache away for
    /// write.
    pub invalidate_lock: Rwsem,
    /// `inode->i_lock`.
    pub i_lock: Spinlock,
    /// `inode->i_private` of shmem: the fallocate() in progress (`shmem_fallocate.rs`).
    pub i_private: Word,
    /// The faults that wait for it.
    pub falloc_waitq: WaitQueue,
    /// `info->fallocend`: behind the last page that fallocate() has made.
    pub fallocend: Word,
    /// What the device holds of a regular file.
    pub disk: Vec<Word>,
    /// The blocks of a regular file that are being freed: first page and the one after the last.
    pub freeing: Word,
}

/// What the page cache holds at an index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    /// Nothing: a hole.
    Empty,
    /// A folio, huge or not.
    Folio(FolioId),
    /// A value entry: the page is in this swap slot.
    Value(SwapId),
    /// XA_RETRY_ENTRY: somebody who holds xa_lock is about to store something else.
    Retry,
}

impl Slot {
    const RETRY: u64 = u64::MAX;
    const VALUE: u64 = 1 << 62;

    fn of(word: u64) -> Slot {
        match word {
            0 => Slot::Empty,
            Slot::RETRY => Slot::Retry,
            n if n & Slot::VALUE != 0 => Slot::Value(SwapId(n as u16)),
            n => Slot::Folio(FolioId(n as u32 - 1)),
        }
    }

    fn to_word(self) -> u64 {
        match self {
            Slot::Empty => 0,
            Slot::Retry => Slot::RETRY,
            Slot::Value(swap) => Slot::VALUE | u64::from(swap.0),
            Slot::Folio(folio) => u64::from(folio.0) + 1,
        }
    }
}

impl AddressSpace {
    pub(super) fn new(id: FileId, hpn: u32) -> AddressSpace {
        let n = u32::from(id.0);
        let pages = hpn * FILE_UNITS_MAX as u32;
        AddressSpace {
            id,
            regular: false,
            i_rwsem: Rwsem::new(Class::InodeRwsem.obj(n), rank::I_RWSEM),
            i_mmap_rwsem: Rwsem::new(Class::IMmapRwsem.obj(n), rank::I_MMAP_RWSEM),
            xa_lock: Spinlock::new(Class::XaLock.obj(n), LockClass::spinning(rank::XA_LOCK)),
            i_size: Word::new(Class::ISize.obj(n), 0),
            i_mmap: IntervalTree::new(Class::IMmap.obj(n)),
            i_pages: (0..pages).map(|i| Word::new(Class::Cache.obj(n * pages + i), 0)).collect(),
            nrpages: Word::new(Class::NrPages.obj(n), 0),
            alloced: Word::new(Class::IBlocks.obj(n), 0),
            swapped: Word::new(Class::IBlocks.obj(32 + n), 0),
            nr_thps: Word::new(Class::NrThps.obj(n), 0),
            i_writecount: Word::new(Class::IWritecount.obj(n), 0),
            opened: Word::new(Class::IWritecount.obj(16 + n), 0),
            info_lock: Spinlock::new(Class::IBlocks.obj(16 + n), LockClass::spinning(rank::LEAF)),
            invalidate_lock: Rwsem::new(Class::InvalidateLock.obj(n), rank::INVALIDATE_LOCK),
            i_lock: Spinlock::new(Class::IPrivate.obj(16 + n), LockClass::spinning(rank::LEAF)),
            i_private: Word::new(Class::IPrivate.obj(n), 0),
            falloc_waitq: WaitQueue::new(Class::IPrivate.obj(n)),
            fallocend: Word::new(Class::IPrivate.obj(32 + n), 0),
            freeing: Word::new(Class::IPrivate.obj(48 + n), 0),
            disk: (0..pages).map(|i| Word::new(Class::Cache.obj(0x10_0000 + i), 0)).collect(),
        }
    }

    pub(super) fn reset(&mut self) {
        let was_regular = std::mem::take(&mut self.regular);
        self.i_rwsem.reset();
        self.i_mmap_rwsem.reset();
        self.xa_lock.reset();
        self.info_lock.reset();
        self.invalidate_lock.reset();
        self.i_lock.reset();
        self.falloc_waitq.reset();
        self.i_mmap.reset();
        let words = [
            &self.i_size,
            &self.nrpages,
            &self.alloced,
            &self.swapped,
            &self.nr_thps,
            &self.i_writecount,
            &self.opened,
            &self.i_private,
            &self.fallocend,
            &self.freeing,
        ];
        words.into_iter().chain(&self.i_pages).for_each(|word| word.poke(0));
        if was_regular {
            self.disk.iter().for_each(|word| word.poke(0));
        }
    }

    /// The folio at an index, without a step.
    pub fn peek(&self, index: u32) -> Option<FolioId> {
        match self.slot(index) {
            Slot::Folio(folio) => Some(folio),
            Slot::Empty | Slot::Retry | Slot::Value(_) => None,
        }
    }

    /// What is at an index, without a step.
    pub fn slot(&self, index: u32) -> Slot {
        self.i_pages.get(index as usize).map_or(Slot::Empty, |word| Slot::of(word.peek()))
    }

    /// What is at an index, but never a RETRY entry: where the kernel spins on one, this waits for the lock under which
    /// it is one.
    pub fn load_slot(&self, cpu: &Cpu<'_>, index: u32) -> Slot {
        let Some(word) = self.i_pages.get(index as usize) else { return Slot::Empty };
        loop {
            match Slot::of(word.read_once(cpu)) {
                Slot::Retry => {
                    self.xa_lock.lock(cpu);
                    self.xa_lock.unlock(cpu);
                }
                slot => return slot,
            }
        }
    }

    /// The folio at an index. `None`: a hole, or the page was swapped out.
    pub fn load(&self, cpu: &Cpu<'_>, index: u32) -> Option<FolioId> {
        match self.load_slot(cpu, index) {
            Slot::Folio(folio) => Some(folio),
            _ => None,
        }
    }

    /// Stores something at an index. xa_lock is held.
    pub fn store(&self, cpu: &Cpu<'_>, index: u32, slot: Slot) {
        cpu.assert_held(self.xa_lock.obj());
        if let Some(word) = self.i_pages.get(index as usize) {
            word.write_once(cpu, slot.to_word());
        }
    }

    /// `filemap_nr_thps_inc` and `filemap_nr_thps_dec`: of regular files only. A collapse counts its huge page before it
    /// stores it.
    pub fn filemap_nr_thps_add(&self, cpu: &Cpu<'_>, pages: i64) {
        self.nr_thps.add_return(cpu, pages);
    }

    /// `inode_is_open_for_write`.
    pub fn inode_is_open_for_write(&self, cpu: &Cpu<'_>) -> bool {
        self.i_writecount.read_once(cpu) as i64 > 0
    }

    /// Stores one entry over many indices: one action. xa_lock is held.
    pub fn store_multi(&self, cpu: &Cpu<'_>, first: u32, pages: u32, slot: Slot) {
        self.store(cpu, first, slot);
        let rest = first as usize + 1..(first + pages) as usize;
        self.i_pages[rest].iter().for_each(|word| word.poke(slot.to_word()));
    }
}

impl Kernel {
    /// `filemap_get_folio`: the folio at an index, with a reference.
    ///
    /// A racing truncate may free the folio between the look and the grab: so the look is repeated after it. Where the
    /// kernel spins on a frozen folio, this waits for the lock under which it is frozen.
    pub fn filemap_get_folio(&self, cpu: &Cpu<'_>, file: FileId, index: u32) -> Option<FolioId> {
        let mapping = self.mapping(file);
        loop {
            let folio = mapping.load(cpu, index)?;
            if !self.folio_try_get(cpu, folio) {
                mapping.xa_lock.wait_until_free(cpu);
                continue;
            }
            if mapping.load(cpu, index) == Some(folio) {
                return Some(folio);
            }
            self.folio_put(cpu, folio);
        }
    }

    /// `find_lock_page`: the folio at an index, with a reference, locked, and still in the cache. May sleep.
    pub fn find_lock_page(&self, cpu: &Cpu<'_>, file: FileId, index: u32) -> Option<FolioId> {
        self.__find_lock_page(cpu, file, index, false)
    }

    /// The same by somebody who may have locked folios with lower indices.
    pub fn find_lock_page_nested(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
    ) -> Option<FolioId> {
        self.__find_lock_page(cpu, file, index, true)
    }

    fn __find_lock_page(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
        nested: bool,
    ) -> Option<FolioId> {
        let _f = cpu.enter(func::find_lock_page);
        loop {
            let folio = self.filemap_get_folio(cpu, file, index)?;
            if nested {
                self.folio(folio).lock.lock_nested(cpu);
            } else {
                self.folio(folio).lock.lock(cpu);
            }
            if self.folio(folio).read_mapping(cpu) == Mapping::File(file) {
                let first = self.folio(folio).index();
                let contains = (first..first + self.folios.nr_pages(folio)).contains(&index);
                cpu.vm_bug_on(!contains, "find_lock_page() has locked another page of the file");
                return Some(folio);
            }
            self.folio(folio).lock.unlock(cpu);
            self.folio_put(cpu, folio);
        }
    }

    /// What comes before a folio is stored in a cache: it is charged, and the xarray may need nodes. `false`: no memory.
    pub fn page_cache_may_grow(&self, cpu: &Cpu<'_>, folio: FolioId) -> bool {
        self.mem_cgroup_charge(cpu, folio) && !self.should_fail_alloc(cpu)
    }

    /// `filemap_add_folio`: a new, locked folio goes into the cache, unless somebody else was faster.
    pub fn filemap_add_folio(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        index: u32,
        folio: FolioId,
    ) -> bool {
        let mapping = self.mapping(file);
        let pages = self.folios.nr_pages(folio);
        mapping.xa_lock.lock(cpu);
        let range = index as usize..(index + pages) as usize;
        let empty = mapping.i_pages[range.clone()].iter().all(|slot| slot.peek() == 0);
        if empty {
            self.folio(folio).init_mapping(Mapping::File(file), index);
            self.folio_ref_add(cpu, folio, i64::from(pages));
            cpu.debts.owe(self.folio(folio).refcount.obj(), i64::from(pages));
            for slot in &mapping.i_pages[range] {
                slot.poke(Slot::Folio(folio).to_word());
            }
            mapping.nrpages.add_return(cpu, i64::from(pages));
            if mapping.regular && pages > 1 {
                mapping.filemap_nr_thps_add(cpu, 1);
            }
        }
        mapping.xa_lock.unlock(cpu);
        empty
    }

    /// `filemap_remove_folio`: the locked folio leaves the cache, and the cache's references with it.
    pub fn filemap_remove_folio(&self, cpu: &Cpu<'_>, file: FileId, folio: FolioId) {
        let mapping = self.mapping(file);
        let pages = self.folios.nr_pages(folio);
        mapping.xa_lock.lock(cpu);
        self.__filemap_remove_folio(cpu, file, folio);
        mapping.xa_lock.unlock(cpu);
        self.folio_put_refs(cpu, folio, i64::from(pages));
    }

    /// `__filemap_remove_folio`: the same under xa_lock; what becomes of the cache's references is the caller's
    /// business.
    pub fn __filemap_remove_folio(&self, cpu: &Cpu<'_>, file: FileId, folio: FolioId) {
        let (index, pages) = (self.folio(folio).index(), self.folios.nr_pages(folio));
        self.mapping(file).store_multi(cpu, index, pages, Slot::Empty);
        self.folio(folio).set_mapping(cpu, Mapping::None);
        self.mapping(file).nrpages.add_return(cpu, -i64::from(pages));
        if self.mapping(file).regular && pages > 1 {
            self.mapping(file).filemap_nr_thps_add(cpu, -1);
        }
        cpu.debts.owe(self.folio(folio).refcount.obj(), -i64::from(pages));
    }

    /// A migration puts `new` where `old` stood, and the references with it: those of `new` are taken here, those of
    /// `old` are the caller's business. xa_lock is held. One step: one entry has all indices of a huge folio.
    pub fn replace_in_page_cache(&self, cpu: &Cpu<'_>, file: FileId, old: FolioId, new: FolioId) {
        let (index, pages) = (self.folio(old).index(), self.folios.nr_pages(old));
        self.folio_ref_add(cpu, new, i64::from(pages));
        self.mapping(file).store_multi(cpu, index, pages, Slot::Folio(new));
        cpu.debts.owe(self.folio(new).refcount.obj(), i64::from(pages));
        cpu.debts.owe(self.folio(old).refcount.obj(), -i64::from(pages));
    }

    /// What a page of a file holds, in memory or in swap, without a step. `None`: it is a hole.
    pub fn file_content(&self, file: FileId, index: u32) -> Option<u64> {
        match self.mapping(file).slot(index) {
            // What fallocate() has left reads as zeroes.
            Slot::Folio(id) if !self.folio(id).has(flags::UPTODATE) => Some(0),
            Slot::Folio(id) => {
                let offset = index.saturating_sub(self.folio(id).index());
                Some(self.page(Pfn(self.folios.head(id).0 + offset)).content.peek())
            }
            Slot::Value(swap) => Some(match self.swap.cached(swap) {
                Some(folio) => self.page(self.folios.head(folio)).content.peek(),
                None => self.swap.slot(swap).content.peek(),
            }),
            Slot::Empty | Slot::Retry => {
                let on_disk = self.mapping(file).disk.get(index as usize).map_or(0, Word::peek);
                (self.mapping(file).regular && on_disk != 0).then_some(on_disk)
            }
        }
    }

    /// A folio of a file as shmem makes them: swap-backed, up to date.
    pub fn shmem_init_folio(&self, folio: FolioId) {
        self.folio(folio).flags.poke_bits(flags::UPTODATE | flags::SWAPBACKED, 0);
    }

    /// `shmem_mapping`: whether the file is one of shmem.
    pub fn shmem_mapping(&self, file: FileId) -> bool {
        !self.mapping(file).regular
    }
}
