//! `change_pte_range`: the entries of a table (kernel-semantics section 11.10).

use super::change::{Change, CpFlags, uses_markers};
use super::start::needs_flush;
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::PteMap;
use crate::mm::place::{func, ip};
use crate::mm::tlb::MmuGather;
use crate::mm::types::{Pte, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// `change_pte_range` of `[start, end)`, which lies in one table. Returns how many entries were changed; `None`
    /// (EAGAIN): there is no table.
    pub(super) fn change_pte_range(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        change: Change,
        start: Vaddr,
        end: Vaddr,
    ) -> Option<u32> {
        let _f = cpu.enter(func::change_pte_range);
        let (pte, ptl) = self.pte_offset_map_lock(cpu, tlb.mm, start)?;
        (self.steps.moves.change_batched_pending)(cpu, self, tlb.mm);
        let mut pages = 0;
        for addr in (start.0..end.0).map(Vaddr) {
            let entry = self.ptep_get(cpu, pte, addr);
            let changed = if entry.is_present() {
                self.change_present_pte(cpu, tlb, change, pte, addr, entry)
            } else if entry.is_none() {
                self.change_none_pte(cpu, change, pte, addr)
            } else {
                self.change_swap_pte(cpu, change, pte, addr, entry)
            };
            pages += u32::from(changed);
        }
        self.pte_unmap_unlock(cpu, ptl);
        Some(pages)
    }

    /// A present entry. The gather remembers what must be flushed.
    fn change_present_pte(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        change: Change,
        pte: PteMap,
        addr: Vaddr,
        entry: Pte,
    ) -> bool {
        let numa = change.cp_flags.has(CpFlags::PROT_NUMA);
        if numa && self.numa_skips_pte(cpu, change.vma, entry) {
            return false;
        }
        let old = (self.steps.moves.modify_prot_start)(cpu, self, tlb.mm, pte, addr);
        cpu.pass(ip::mp3);
        let mut new = with_uffd_wp(change.prot.modify_pte(old), change);
        let upgrade = change.cp_flags.has(CpFlags::TRY_CHANGE_WRITABLE) && !new.is_write();
        if upgrade && self.can_change_pte_writable(change.vma, new) {
            new = new.mkwrite();
        }
        // ptep_modify_prot_commit()
        self.set_pte_at(cpu, tlb.mm, pte, addr, new);
        change.note(cpu, tlb.mm, addr, 1, old.is_uffd_wp());
        if needs_flush(old, new) {
            self.tlb_remove_tlb_entry(tlb, addr, 1);
        }
        true
    }

    /// A swap or migration entry, or a marker.
    fn change_swap_pte(
        &self,
        cpu: &Cpu<'_>,
        change: Change,
        pte: PteMap,
        addr: Vaddr,
        entry: Pte,
    ) -> bool {
        let mm = self.vma(change.vma).spec().mm;
        let resolve = change.cp_flags.has(CpFlags::UFFD_WP_RESOLVE);
        if entry.is_marker() {
            // What is poisoned stays so.
            let drop = resolve && !entry.is_poisoned_marker();
            if drop {
                self.pte_clear(cpu, mm, pte, addr);
                change.note(cpu, mm, addr, 1, true);
            }
            return drop;
        }
        let protected = match entry.is_writable_migration() {
            // What may be written afterwards is not known here; a fault will tell.
            true => (self.steps.moves.migration_readable)(self, entry),
            false => entry,
        };
        let new = with_uffd_wp(protected, change);
        if new != entry {
            self.set_pte_at(cpu, mm, pte, addr, new);
            change.note(cpu, mm, addr, 1, entry.is_swp_uffd_wp());
        }
        new != entry
    }

    /// An empty entry: userfaultfd leaves a marker, since the page may be in the page cache.
    fn change_none_pte(&self, cpu: &Cpu<'_>, change: Change, pte: PteMap, addr: Vaddr) -> bool {
        let spec = self.vma(change.vma).spec();
        let marked = change.wp() && uses_markers(&spec);
        if marked {
            self.set_pte_at(cpu, spec.mm, pte, addr, Pte::uffd_wp_marker());
            change.note(cpu, spec.mm, addr, 1, false);
        }
        marked
    }
}

fn with_uffd_wp(entry: Pte, change: Change) -> Pte {
    if change.wp() {
        entry.mkuffd_wp()
    } else if change.cp_flags.has(CpFlags::UFFD_WP_RESOLVE) {
        entry.clear_uffd_wp()
    } else {
        entry
    }
}
