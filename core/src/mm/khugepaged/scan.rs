//! A look at the page cache behind a range (`hpage_collapse_scan_file`, kernel-semantics section 9.4).

use crate::mm::filemap::Slot;
use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{FileId, FolioId, MmId, Vaddr};
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
            (self.steps.fs.scan_mapcount)(cpu, self, folio);
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
}

/// What a later scan does, with a folio of which it has no reference: it asks whether it is large, and then reads what
/// only a large one has. It may have been split, or freed, in between.
pub(in crate::mm) fn large_mapcount(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) {
    if k.folios.is_large(folio) {
        cpu.pass(ip::scan_large);
        k.folio(folio).entire_mapcount.read_once(cpu);
        cpu.vm_bug_on(!k.folios.is_large(folio), "folio_large_mapcount() of a small folio");
    }
}
