//! munmap: a VMA goes, and the tables that only it needed (kernel-semantics sections 11.2 to 11.4).

use super::kernel::Kernel;
use super::pgtable::TableState;
use super::place::{func, ip};
use super::tlb::MmuGather;
use super::types::{MmId, Pmd, Vaddr, VmaId};
use crate::sync::Cpu;

impl Kernel {
    /// `do_munmap` of `[start, end)`: the VMAs that lie in it.
    ///
    /// What takes long is done under mmap_lock for read, on a VMA that nobody finds in the tree any more. Walks of
    /// i_mmap still find it, until `free_pgtables` takes it out there.
    pub fn do_munmap(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, end: Vaddr) {
        let _f = cpu.enter(func::do_munmap);
        self.mmap_write_lock(cpu, mm);
        let tree = &self.mm(mm).vma_tree;
        let inside = |&vma: &VmaId| {
            let spec = self.vma(vma).spec();
            start <= spec.start && spec.end <= end
        };
        let Some(vma) = self.vmas_of(tree.read_once(cpu)).find(inside) else {
            self.mmap_write_unlock(cpu, mm);
            return;
        };
        (self.steps.munmap_start_write)(cpu, self, vma);
        self.vma(vma).detached.write_once(cpu, 1);
        tree.change_bits(cpu, 0, 1 << vma.0);
        cpu.pass(ip::munmap_detached);
        self.mmap_write_downgrade(cpu, mm);
        cpu.pass(ip::munmap_downgraded);
        let mut tlb = self.tlb_gather_mmu(cpu, mm);
        self.unmap_vmas(cpu, &mut tlb, vma);
        cpu.pass(ip::munmap_unmapped);
        self.free_pgtables(cpu, &mut tlb, vma);
        self.tlb_finish_mmu(cpu, tlb);
        self.vm_area_free(cpu, vma);
        self.mmap_read_unlock(cpu, mm);
    }

    /// `free_pgtables`: the VMA leaves the rmap trees first, so that nobody comes to its tables that way; then the
    /// tables of the units in which no other VMA lies are unlinked, with no page-table lock.
    fn free_pgtables(&self, cpu: &Cpu<'_>, tlb: &mut MmuGather, vma: VmaId) {
        let _f = cpu.enter(func::free_pgtables);
        self.unlink_anon_vmas(cpu, vma);
        self.unlink_file_vma(cpu, vma);
        let spec = self.vma(vma).spec();
        let tree = self.mm(tlb.mm).vma_tree.read_once(cpu);
        let mut haddr = self.haddr(spec.start);
        while haddr < spec.end {
            let next = Vaddr(haddr.0 + self.hpn);
            let in_use =
                |id: VmaId| tree >> id.0 & 1 == 1 && self.vma(id).spec().overlaps(haddr, next);
            if !self.vmas.iter().any(|(id, _)| in_use(id)) {
                self.free_pte_range(cpu, tlb, haddr);
            }
            haddr = next;
        }
    }

    /// `free_pte_range`: `pmd_clear`, and the table goes into the gather.
    ///
    /// The entry is read first and cleared then. Nobody should change it in between; whoever does (a collapse that
    /// holds no mmap_lock) has the table freed twice.
    fn free_pte_range(&self, cpu: &Cpu<'_>, tlb: &mut MmuGather, haddr: Vaddr) {
        let pmd = Pmd(self.pmdp(tlb.mm, haddr).read_once(cpu));
        if pmd.is_none() {
            return;
        }
        if !pmd.is_table() {
            cpu.vm_bug_on(true, "free_pgtables() finds a PMD entry that is no table");
            self.pmdp_huge_get_and_clear(cpu, tlb.mm, haddr);
            return;
        }
        let table = self.pgtable(cpu, pmd);
        self.pmd_clear(cpu, tlb.mm, haddr, TableState::Detached);
        self.pte_free_tlb(cpu, tlb, table, haddr);
        self.mm(tlb.mm).dec_nr_ptes(cpu);
    }
}
