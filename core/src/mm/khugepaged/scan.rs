//! khugepaged looks at one VMA, and at the page cache behind it (kernel-semantics sections 9.4 and 9.12).

use crate::mm::kernel::Kernel;
use crate::mm::place::func;
use crate::mm::types::{FileId, MmId, Vaddr};
use crate::sync::Cpu;

use super::ScanResult;

impl Kernel {
    /// `hpage_collapse_scan_file`: what the page cache holds at `index`, with neither lock nor reference.
    ///
    /// Where it holds no huge folio, `collapse_file` would make one; without it the answer is SCAN_FAIL.
    pub fn hpage_collapse_scan_file(&self, cpu: &Cpu<'_>, file: FileId, index: u32) -> ScanResult {
        let _f = cpu.enter(func::hpage_collapse_scan_file);
        cpu.rcu_read_lock();
        let folio = self.mapping(file).load(cpu, index);
        let result = match folio {
            Some(folio) if !self.folios.is_large(folio) => ScanResult::Fail,
            Some(folio) if self.folio(folio).index() != index => ScanResult::PageCompound,
            Some(_) => ScanResult::PteMappedHugepage,
            None => ScanResult::Fail,
        };
        cpu.rcu_read_unlock();
        result
    }

    /// `khugepaged_scan_mm_slot`, from `start` to `end`: each aligned range whose huge page is mapped by PTEs.
    pub fn khugepaged_scan_range(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, end: Vaddr) {
        let _f = cpu.enter(func::khugepaged_scan_mm_slot);
        let mmap_lock = &self.mm(mm).mmap_lock;
        (self.steps.khugepaged_visit)(cpu, self, mm);
        let mut haddr = Vaddr(start.0.next_multiple_of(self.hpn));
        while haddr.0 + self.hpn <= end.0 {
            if !mmap_lock.down_read_trylock(cpu) {
                return;
            }
            let found = self.vma_lookup(cpu, mm, haddr).map(|vma| self.vma(vma).spec());
            let eligible = found.filter(|spec| spec.transhuge_suitable(haddr, self.hpn));
            mmap_lock.up_read(cpu);
            let Some((spec, file)) = eligible.and_then(|spec| Some((spec, spec.file?))) else {
                return;
            };
            if self.hpage_collapse_scan_file(cpu, file, spec.pgoff_of(haddr))
                == ScanResult::PteMappedHugepage
            {
                (self.steps.khugepaged_pte_mapped)(cpu, self, mm, haddr);
            }
            haddr = Vaddr(haddr.0 + self.hpn);
        }
    }
}
