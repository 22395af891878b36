//! khugepaged looks at one VMA, and at the page cache behind it (kernel-semantics sections 9.4 and 9.12).

use crate::mm::filemap::Slot;
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::{FileId, MmId, Vaddr};
use crate::sync::Cpu;

use super::ScanResult;

impl Kernel {
    /// `hpage_collapse_scan_file`: looks whether the page cache is worth a collapse at `start`, with neither lock nor
    /// reference, and does it.
    ///
    /// Whatever is seen of a folio may be over by the time it is said: `collapse_file` asks again.
    pub fn hpage_collapse_scan_file(
        &self,
        cpu: &Cpu<'_>,
        target: (MmId, Vaddr),
        file: FileId,
        start: u32,
        is_khugepaged: bool,
    ) -> ScanResult {
        let _f = cpu.enter(func::hpage_collapse_scan_file);
        self.assert_nothing_held(cpu);
        cpu.rcu_read_lock();
        let scanned = self.scan_page_cache(cpu, file, start, is_khugepaged);
        cpu.rcu_read_unlock();
        match scanned {
            Err(result) => result,
            Ok(present)
                if is_khugepaged && present < self.hpn - self.khugepaged_max_ptes_none() =>
            {
                ScanResult::ExceedNonePte
            }
            Ok(_) => self.collapse_file(cpu, target, file, start, is_khugepaged),
        }
    }

    /// How many pages are present, unless one of them stands in the way.
    fn scan_page_cache(
        &self,
        cpu: &Cpu<'_>,
        file: FileId,
        start: u32,
        is_khugepaged: bool,
    ) -> Result<u32, ScanResult> {
        let (mut present, mut swap) = (0, 0);
        for index in start..start + self.hpn {
            // Empty slots cost no step: the walk of the xarray does not visit them.
            if self.mapping(file).slot(index) == Slot::Empty {
                continue;
            }
            let folio = match self.mapping(file).load_slot(cpu, index) {
                Slot::Folio(folio) => folio,
                Slot::Value(_) => {
                    swap += 1;
                    if is_khugepaged && swap > self.khugepaged_max_ptes_swap() {
                        return Err(ScanResult::ExceedSwapPte);
                    }
                    continue;
                }
                Slot::Empty | Slot::Retry => continue,
            };
            let f = self.folio(folio);
            if self.folios.is_large(folio) {
                let same = index == start && f.index() == start;
                return Err(if same {
                    ScanResult::PteMappedHugepage
                } else {
                    ScanResult::PageCompound
                });
            }
            if !f.has(flags::LRU) {
                return Err(ScanResult::PageLru);
            }
            let mapcount = self.folio_mapcount(folio);
            if f.refcount.read_once(cpu) as i64 != 1 + mapcount {
                return Err(ScanResult::PageCount);
            }
            present += 1;
        }
        Ok(present)
    }

    /// `khugepaged_scan_mm_slot`, from `start` to `end`: each aligned range whose huge page is mapped by PTEs.
    pub fn khugepaged_scan_range(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, end: Vaddr) {
        let _f = cpu.enter(func::khugepaged_scan_mm_slot);
        if !self.khugepaged_select(cpu, mm) {
            return;
        }
        (self.steps.khugepaged_visit)(cpu, self, mm);
        self.khugepaged_scan_vmas(cpu, mm, start, end);
        self.khugepaged_advance(cpu, mm);
    }

    fn khugepaged_scan_vmas(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, end: Vaddr) {
        let mmap_lock = &self.mm(mm).mmap_lock;
        let mut haddr = Vaddr(start.0.next_multiple_of(self.hpn));
        while haddr.0 + self.hpn <= end.0 {
            if !mmap_lock.down_read_trylock(cpu) {
                return;
            }
            let exits = (self.steps.vma.test_exit)(cpu, self, mm);
            let found = self.vma_lookup(cpu, mm, haddr).filter(|_| !exits);
            let found = found.map(|vma| self.vma(vma).spec());
            let eligible = found.filter(|spec| spec.transhuge_suitable(haddr, self.hpn));
            mmap_lock.up_read(cpu);
            let Some((spec, file)) = eligible.and_then(|spec| Some((spec, spec.file?))) else {
                return;
            };
            if self.hpage_collapse_scan_file(cpu, (mm, haddr), file, spec.pgoff_of(haddr), true)
                == ScanResult::PteMappedHugepage
            {
                (self.steps.khugepaged_pte_mapped)(cpu, self, mm, haddr);
            }
            haddr = Vaddr(haddr.0 + self.hpn);
        }
    }
}
