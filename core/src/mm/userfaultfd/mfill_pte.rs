//! `mfill_atomic_pte`: the page, and its entry under ptl (kernel-semantics section 11.11).
//!
//! Only a shared mapping goes by the page cache, and so by the folio lock that keeps a collapse out. A private one gets a
//! page of its own whatever the cache has.

use super::mfill::{Failed, Mfill};
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::place::func;
use crate::mm::shmem::SgpType;
use crate::mm::types::{FileId, FolioId, Pfn, Pte, Rss, Vaddr, VmaId};
use crate::sync::{Cpu, UffdFact, What};

impl Kernel {
    pub(super) fn mfill_atomic_pte(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        addr: Vaddr,
        what: Mfill,
        copied: &mut Option<FolioId>,
    ) -> Result<(), Failed> {
        let spec = self.vma(vma).spec();
        match (what, spec.file) {
            (Mfill::Continue, Some(file)) => {
                self.mfill_atomic_pte_continue(cpu, vma, addr, file)?
            }
            (Mfill::Poison, _) => self.mfill_entry(cpu, vma, addr, what, Pte::poisoned_marker())?,
            (_, Some(file)) if spec.shared() => {
                let folio = self.mfill_folio(cpu, vma, what, copied)?;
                self.shmem_mfill_atomic_pte(cpu, vma, addr, (what, file), folio)?;
            }
            (Mfill::Zeropage, _) => {
                let zero = Pte::zero_page();
                let entry = if spec.accessible() { zero } else { zero.mkprotnone() };
                self.mfill_entry(cpu, vma, addr, what, entry)?;
            }
            _ => {
                let folio = self.mfill_folio(cpu, vma, what, copied)?;
                let page = self.folios.head(folio);
                let installed = self.mfill_atomic_install_pte(cpu, vma, addr, what, page);
                if installed.is_err() {
                    self.folio_put(cpu, folio);
                }
                installed?;
            }
        }
        Ok(())
    }

    /// The new page, filled. The first copy from a buffer fails under mmap_lock.
    fn mfill_folio(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        what: Mfill,
        copied: &mut Option<FolioId>,
    ) -> Result<FolioId, Failed> {
        if let Some(folio) = copied.take() {
            return Ok(folio);
        }
        let folio = self.vma_alloc_zeroed_folio(cpu).ok_or(Errno::Enomem)?;
        let ctx = &self.mm(self.vma(vma).spec().mm).uffd;
        if matches!(what, Mfill::Copy(_)) && !ctx.copy_from_user(false) {
            return Err(Failed::CopyOutside(folio));
        }
        self.fill_folio(folio, what);
        Ok(folio)
    }

    /// The content of a page that nobody knows yet.
    pub(super) fn fill_folio(&self, folio: FolioId, what: Mfill) {
        let content = if let Mfill::Copy(content) = what { content } else { 0 };
        self.page(self.folios.head(folio)).content.poke(content);
    }

    /// `shmem_mfill_atomic_pte`: the page goes into the cache, locked, and is mapped before anybody else can have it. The
    /// caller's reference is the entry's, or put.
    fn shmem_mfill_atomic_pte(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        addr: Vaddr,
        (what, file): (Mfill, FileId),
        folio: FolioId,
    ) -> Result<(), Errno> {
        let index = self.vma(vma).spec().pgoff_of(addr);
        let lock = &self.folio(folio).lock;
        lock.lock(cpu);
        self.shmem_init_folio(folio);
        if self.beyond_i_size(cpu, file, index, SgpType::Cache) {
            self.unlock_and_put(cpu, folio);
            return Err(Errno::Efault);
        }
        if !self.filemap_add_folio(cpu, file, index, folio) {
            self.unlock_and_put(cpu, folio);
            return Err(Errno::Eexist);
        }
        let locked = (self.steps.uffd.keep_locked)(cpu, self, folio);
        let installed =
            self.mfill_atomic_install_pte(cpu, vma, addr, what, self.folios.head(folio));
        match installed {
            Ok(()) => {
                cpu.note(What::HoleFilled { file: file.0, index });
                self.shmem_recalc_inode(cpu, file, 1);
                if locked {
                    lock.unlock(cpu);
                }
            }
            Err(_) => {
                if !locked {
                    lock.lock(cpu);
                }
                self.filemap_remove_folio(cpu, file, folio);
                self.unlock_and_put(cpu, folio);
            }
        }
        installed
    }

    /// `mfill_atomic_pte_continue`: the page that the cache has, locked meanwhile.
    fn mfill_atomic_pte_continue(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        addr: Vaddr,
        file: FileId,
    ) -> Result<(), Errno> {
        let index = self.vma(vma).spec().pgoff_of(addr);
        let found = self.shmem_get_folio(cpu, file, index, SgpType::Noalloc);
        let folio = found.map_err(|_| Errno::Efault)?;
        let page = Pfn(self.folios.head(folio).0 + index % self.folios.nr_pages(folio));
        let installed = match self.folio_has_hwpoisoned(folio) {
            true => Err(Errno::Efault),
            false => self.mfill_atomic_install_pte(cpu, vma, addr, Mfill::Continue, page),
        };
        self.folio(folio).lock.unlock(cpu);
        if installed.is_err() {
            self.folio_put(cpu, folio);
        }
        installed
    }

    /// `mfill_atomic_install_pte`: the entry for a page, if there is none yet; a marker counts as none. The caller's
    /// reference becomes the entry's.
    fn mfill_atomic_install_pte(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        addr: Vaddr,
        what: Mfill,
        page: Pfn,
    ) -> Result<(), Errno> {
        let _f = cpu.enter(func::mfill_atomic_install_pte);
        let (spec, folio) = (self.vma(vma).spec(), self.folios.of(page));
        let in_cache = self.folio(folio).has(flags::SWAPBACKED);
        let write = spec.write() && (!in_cache || spec.shared());
        let (pte, ptl) = self.pte_offset_map_lock(cpu, spec.mm, addr).ok_or(Errno::Eagain)?;
        let old = self.ptep_get(cpu, pte, addr);
        let result = if self.mfill_file_over_size(cpu, vma, addr) {
            Err(Errno::Efault)
        } else if !(self.steps.uffd.install_over)(old) {
            Err(Errno::Eexist)
        } else {
            // The rmap makes an anonymous page one, and that tells which counter counts it.
            let which = if in_cache { self.mm_counter_file(folio) } else { Rss::Anon };
            if in_cache {
                self.page_add_file_rmap(cpu, page);
            } else {
                self.folio_add_new_anon_rmap(cpu, folio, vma, addr);
            }
            if !self.folio(folio).has(flags::LRU) && what != Mfill::Continue {
                self.folio_add_lru(cpu, folio);
            }
            self.mm(spec.mm).add_counter(cpu, which, 1);
            let entry = spec.page_prot().mk_pte(page, write).mkdirty();
            self.set_pte_at(cpu, spec.mm, pte, addr, entry);
            self.note_filled(cpu, vma, addr, what);
            Ok(())
        };
        self.pte_unmap_unlock(cpu, ptl);
        result
    }

    /// An entry without a page of its own: `mfill_atomic_pte_zeropage`, `mfill_atomic_pte_poison`. Markers are not
    /// overwritten.
    fn mfill_entry(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        addr: Vaddr,
        what: Mfill,
        entry: Pte,
    ) -> Result<(), Errno> {
        let _f = cpu.enter(func::mfill_atomic_install_pte);
        let mm = self.vma(vma).spec().mm;
        let (pte, ptl) = self.pte_offset_map_lock(cpu, mm, addr).ok_or(Errno::Eagain)?;
        let old = self.ptep_get(cpu, pte, addr);
        let result = if self.mfill_file_over_size(cpu, vma, addr) {
            Err(Errno::Efault)
        } else if !(self.steps.uffd.store_over)(old) {
            Err(Errno::Eexist)
        } else {
            self.set_pte_at(cpu, mm, pte, addr, entry);
            self.note_filled(cpu, vma, addr, what);
            Ok(())
        };
        self.pte_unmap_unlock(cpu, ptl);
        result
    }

    /// Tells what the page holds now, under ptl.
    fn note_filled(&self, cpu: &Cpu<'_>, vma: VmaId, addr: Vaddr, what: Mfill) {
        let (mm, page) = (self.vma(vma).spec().mm.0, addr.0);
        cpu.note(What::Uffd { mm, page, pages: 1, fact: UffdFact::Filled });
        match what {
            Mfill::Copy(value) => cpu.note(What::UffdStore { mm, page, value }),
            Mfill::Zeropage => cpu.note(What::UffdStore { mm, page, value: 0 }),
            Mfill::Continue | Mfill::Poison => {}
        }
    }

    /// `mfill_file_over_size`, under ptl: a truncation that unmaps later finds the entry.
    fn mfill_file_over_size(&self, cpu: &Cpu<'_>, vma: VmaId, addr: Vaddr) -> bool {
        let spec = self.vma(vma).spec();
        spec.file
            .is_some_and(|file| self.beyond_i_size(cpu, file, spec.pgoff_of(addr), SgpType::Cache))
    }
}
