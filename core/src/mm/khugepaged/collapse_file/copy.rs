//! Stage 7: the contents move to the huge page. The old pages are locked and unmapped, and do not change any more.

use super::run::CollapseFile;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::place::ip;
use crate::mm::types::Pfn;
use crate::sync::Cpu;

impl Kernel {
    /// Copies each old page to its place, and clears what lies between. SCAN_COPY_MC: the memory of an old page is broken.
    pub(super) fn copy_pages(&self, cpu: &Cpu<'_>, c: &CollapseFile) -> ScanResult {
        let head = self.folios.head(c.hpage).0;
        for (i, page) in self.folios.pfns(c.hpage).enumerate() {
            let index = c.start + i as u32;
            let old = c.pagelist.iter().find(|&&old| self.folio(old).index() == index);
            // Nobody else knows the huge page: what is stored there is no step.
            let content = match old {
                Some(&old) => {
                    cpu.pass(ip::cf6);
                    if self.page(self.folios.head(old)).is_hwpoison() {
                        return ScanResult::CopyMc;
                    }
                    self.page(self.folios.head(old)).content.read_once(cpu)
                }
                None => 0,
            };
            debug_assert_eq!(page, Pfn(head + i as u32));
            self.page(page).content.poke(content);
        }
        ScanResult::Succeed
    }
}
