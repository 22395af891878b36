//! What can be seen of the machine from outside, without a step: for oracles, tests and reports
//! (kernel-semantics section 13).

use super::kernel::Kernel;
use super::types::{MmId, Pfn, Pte, Vaddr};

impl Kernel {
    /// What the page tables say of an address: the frame, and whether it may be written to. `None`: nothing that the
    /// hardware could use.
    pub fn peek_translation(&self, mm: MmId, addr: Vaddr) -> Option<(Pfn, bool)> {
        let pmd = self.peek_pmd(mm, addr);
        if pmd.is_trans_huge() {
            let pfn = Pfn(pmd.pfn().0 + addr.0 % self.hpn);
            return pmd.access_permitted(false).then_some((pfn, pmd.is_write()));
        }
        let table = pmd.pgtable().filter(|&id| pmd.is_table() && self.tables.is_valid(id))?;
        let pte = Pte(self.tables.get(table).entry(addr.0).peek());
        pte.access_permitted(false).then(|| (pte.pfn(), pte.is_write()))
    }

    /// Whether the page tables map this frame there, for writing if need be.
    pub fn peek_maps(&self, mm: MmId, addr: Vaddr, pfn: Pfn, write: bool) -> bool {
        self.peek_translation(mm, addr)
            .is_some_and(|(found, writable)| found == pfn && (writable || !write))
    }
}
