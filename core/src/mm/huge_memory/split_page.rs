//! `split_huge_page`: a huge folio becomes HPN small ones (kernel-semantics section 11.7).
//!
//! Whoever holds a reference makes it fail: the folio is frozen at the references that the split knows of. Before that
//! the mappings must go. An anonymous page leaves a migration entry behind, which maps it again afterwards; a page of a
//! file is faulted in again from the page cache.

use crate::mm::filemap::Slot;
use crate::mm::folio::{Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::rmap::TtuFlags;
use crate::mm::types::{AnonVmaId, FileId, FolioId, MmId, Pfn, Vaddr};
use crate::sync::Cpu;

/// Whose rmap lock is held during the split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Owner {
    /// The anon_vma, for write: nobody forks or unmaps the VMAs.
    Anon(AnonVmaId),
    /// The file, for read.
    File(FileId),
}

impl Kernel {
    /// `split_folio`: makes small folios of the locked huge one, of which the caller has one reference. May sleep. The
    /// caller keeps its reference and the lock, of the first page. `false`: somebody else holds it (EAGAIN), or it was
    /// truncated (EBUSY).
    pub fn split_folio(&self, cpu: &Cpu<'_>, folio: FolioId) -> bool {
        self.split_huge_page_to_list(cpu, folio, None)
    }

    /// `split_huge_page_to_list`: with a list, the folio is isolated, and so are the new ones, which come to the list with
    /// a reference each.
    pub fn split_huge_page_to_list(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        list: Option<&mut Vec<FolioId>>,
    ) -> bool {
        let _f = cpu.enter(func::split_huge_page);
        self.folio(folio).lock.assert_locked(cpu);
        cpu.vm_bug_on(!self.folios.is_large(folio), "split_huge_page() of a small folio");
        let Some(owner) = self.split_lock_rmap(cpu, folio) else { return false };
        let split = self.split_locked(cpu, folio, owner, list);
        match owner {
            Owner::Anon(anon_vma) => {
                self.anon_vma_unlock_write(cpu, anon_vma);
                self.put_anon_vma(cpu, anon_vma);
            }
            Owner::File(file) => self.mapping(file).i_mmap_rwsem.up_read(cpu),
        }
        if split {
            self.put_tails(cpu, folio);
        }
        split
    }

    /// `None`: truncated, or without memory, or an anonymous folio that nothing maps (`folio_get_anon_vma`).
    fn split_lock_rmap(&self, cpu: &Cpu<'_>, folio: FolioId) -> Option<Owner> {
        match self.folio(folio).read_mapping(cpu) {
            Mapping::None => None,
            Mapping::Anon(_) => {
                // Unmapped later on, it must still have its anon_vma to be mapped again.
                let anon_vma = self.folio_get_anon_vma(cpu, folio)?;
                self.anon_vma_lock_write(cpu, anon_vma);
                Some(Owner::Anon(anon_vma))
            }
            // xas_split_alloc()
            Mapping::File(_) if self.should_fail_alloc(cpu) => None,
            Mapping::File(file) => {
                self.mapping(file).i_mmap_rwsem.down_read(cpu);
                Some(Owner::File(file))
            }
        }
    }

    /// `can_split_folio`: whether all references but the caller's are known. `Some`: how many the caches have.
    pub fn can_split_folio(&self, cpu: &Cpu<'_>, folio: FolioId) -> Option<i64> {
        let f = self.folio(folio);
        let in_cache = !f.is_anon() || f.has(flags::SWAPCACHE);
        let extra = if in_cache { i64::from(self.folios.nr_pages(folio)) } else { 0 };
        let refs = f.refcount.read_once(cpu) as i64;
        (self.folio_mapcount(folio) == refs - extra - 1).then_some(extra)
    }

    /// The part between the rmap locks.
    fn split_locked(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        owner: Owner,
        list: Option<&mut Vec<FolioId>>,
    ) -> bool {
        // The folio lock is enough to serialize the trimming: i_size may change at any time.
        let end = match owner {
            Owner::Anon(_) => u32::MAX,
            Owner::File(file) => self.mapping(file).i_size.read_once(cpu) as u32,
        };
        // A guess, before PMD entries are split in vain.
        let Some(extra) = self.can_split_folio(cpu, folio) else { return false };
        self.unmap_folio(cpu, folio);
        cpu.pass(ip::spf1);
        cpu.local_irq_disable();
        let cache = match owner {
            Owner::Anon(_) => None,
            Owner::File(file) => Some(file),
        };
        if let Some(file) = cache {
            self.mapping(file).xa_lock.lock(cpu);
        }
        let cached = cache.is_none_or(|file| {
            self.mapping(file).load(cpu, self.folio(folio).index()) == Some(folio)
        });
        let frozen = cached && (self.steps.split_freeze)(cpu, self, folio, 1 + extra);
        if frozen {
            cpu.pass(ip::spf2);
            if let Some(file) = cache.filter(|&file| self.mapping(file).regular) {
                self.mapping(file).filemap_nr_thps_add(cpu, -1);
            }
            self.__split_huge_page(cpu, folio, cache, end, list);
        }
        if let Some(file) = cache {
            self.mapping(file).xa_lock.unlock(cpu);
        }
        cpu.local_irq_enable();
        if let Some(file) = cache
            && frozen
            && self.folio(folio).index() + self.hpn > end
        {
            // shmem_uncharge() of what lay beyond the end and left the cache.
            self.shmem_recalc_inode(cpu, file, 0);
        }
        cpu.pass(ip::spf4);
        self.remap_page(cpu, folio);
        frozen
    }

    /// `unmap_folio`.
    fn unmap_folio(&self, cpu: &Cpu<'_>, folio: FolioId) {
        let how =
            TtuFlags { rmap_locked: true, split_huge_pmd: true, sync: true, ..TtuFlags::default() };
        if self.folio(folio).is_anon() {
            self.try_to_migrate(cpu, folio, how);
        } else {
            self.try_to_unmap(cpu, folio, TtuFlags { ignore_mlock: true, ..how });
        }
    }

    /// `__split_huge_page`: tail by tail, from the last one on. The folio is frozen, the cache locked, interrupts are off.
    /// What lies beyond `end` leaves the page cache.
    fn __split_huge_page(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        cache: Option<FileId>,
        end: u32,
        mut list: Option<&mut Vec<FolioId>>,
    ) {
        let pages = self.folios.nr_pages(folio);
        for offset in (1..pages).rev() {
            let tail = self.__split_huge_page_tail(cpu, folio, offset, cache.is_some());
            if let Some(list) = list.as_deref_mut() {
                self.folio_get(cpu, tail);
                list.push(tail);
            } else {
                self.folio(tail).flags.poke_bits(flags::LRU, 0);
            }
            if let Some(file) = cache {
                self.split_cache_tail(cpu, file, folio, tail, end);
            }
            cpu.pass(ip::spf3);
        }
        self.folios.clear_compound(folio);
        let refs = 1 + i64::from(cache.is_some());
        self.folio_ref_unfreeze(cpu, folio, refs);
    }

    /// `__split_huge_page_tail`: everything is ready before the reference count lets others in.
    fn __split_huge_page_tail(
        &self,
        cpu: &Cpu<'_>,
        folio: FolioId,
        offset: u32,
        in_cache: bool,
    ) -> FolioId {
        let (head, pfn) = (self.folio(folio), Pfn(folio.0 + offset));
        let tail = FolioId(pfn.0);
        let mapped = self.page(pfn).mapcount.peek() as i64 >= 0;
        cpu.vm_bug_on(mapped, "split_huge_page() of a folio that is still mapped");
        let t = self.folio(tail);
        t.flags.poke(head.flags.peek() & !flags::LRU);
        t.lock.inherit(cpu);
        t.init_mapping(head.peek_mapping(), head.index() + offset);
        self.folios.clear_compound_head(pfn);
        self.folio_ref_unfreeze(cpu, tail, 1 + i64::from(in_cache));
        tail
    }

    /// The tail's place in the page cache, where the head stands so far: until then whoever looks there finds a frozen
    /// folio, and looks again. Beyond `end` nothing stays (`__filemap_remove_folio`); the last reference is put later.
    fn split_cache_tail(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        folio: FolioId,
        tail: FolioId,
        end: u32,
    ) {
        let t = self.folio(tail);
        // The slot names the head so far, as all of its slots do: a reference of the cache changes hands.
        cpu.debts.owe(self.folio(folio).refcount.obj(), -1);
        cpu.debts.owe(t.refcount.obj(), 1);
        if t.index() < end {
            self.mapping(file).store(cpu, t.index(), Slot::Folio(tail));
        } else {
            t.flags.poke_bits(0, flags::DIRTY);
            self.__filemap_remove_folio(cpu, file, tail);
            self.folio_put(cpu, tail);
        }
    }

    /// `remap_page`: the migration entries of an anonymous folio map its pages again, split or not.
    fn remap_page(&self, cpu: &Cpu<'_>, folio: FolioId) {
        if !self.folio(folio).is_anon() {
            return;
        }
        let mut pfn = folio.0;
        while pfn < folio.0 + self.hpn {
            let piece = FolioId(pfn);
            self.remove_migration_ptes(cpu, piece, piece, true);
            pfn += self.folios.nr_pages(piece);
        }
    }

    /// The tails are unlocked, and the split's references put: some may have no other.
    fn put_tails(&self, cpu: &Cpu<'_>, folio: FolioId) {
        for tail in (folio.0 + 1..folio.0 + self.hpn).map(FolioId) {
            self.folio(tail).lock.unlock_inherited(cpu);
            self.free_swap_cache(cpu, tail);
            self.folio_put(cpu, tail);
        }
    }

    /// `split_huge_pages_pid` of one page (debugfs): splits the folio that is mapped at `addr`, if it is a huge one and
    /// can be locked at once. Takes mmap_lock. Returns whether it was split.
    pub fn split_huge_page_at(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> bool {
        let mmap_lock = &self.mm(mm).mmap_lock;
        mmap_lock.down_read(cpu);
        let mapped = self.vma_lookup(cpu, mm, addr).and_then(|_| self.get_folio_at(cpu, mm, addr));
        let mut split = false;
        if let Some(folio) = mapped {
            if self.folios.is_large(folio)
                && self.can_split_folio(cpu, folio).is_some()
                && self.folio(folio).lock.trylock(cpu)
            {
                split = self.split_folio(cpu, folio);
                self.folio(folio).lock.unlock(cpu);
            }
            self.folio_put(cpu, folio);
        }
        mmap_lock.up_read(cpu);
        split
    }
}
