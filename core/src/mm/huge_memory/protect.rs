//! `change_huge_pmd`: a huge page gets another protection (kernel-semantics section 11.10).

use crate::mm::kernel::Kernel;
use crate::mm::mprotect::{Change, CpFlags};
use crate::mm::place::{func, ip};
use crate::mm::tlb::MmuGather;
use crate::mm::types::{MmId, Pmd, Vaddr};
use crate::sync::Cpu;

impl Kernel {
    /// `change_huge_pmd` of a whole unit. Returns how many pages were changed; `None`: the entry is not huge any longer, go
    /// on with the table.
    ///
    /// NUMA balancing holds mmap_lock for read, like MADV_DONTNEED, which looks at the entry without a lock and takes an
    /// empty one for nothing to do. So the entry must never be empty: it is invalid while it changes.
    pub(in crate::mm) fn change_huge_pmd(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        change: Change,
        haddr: Vaddr,
    ) -> Option<u32> {
        let _f = cpu.enter(func::change_huge_pmd);
        let (mm, cp_flags) = (tlb.mm, change.cp_flags);
        let numa = cp_flags.has(CpFlags::PROT_NUMA);
        if numa && !self.thp_migration_supported() {
            return Some(0);
        }
        let pml = (self.steps.moves.change_huge_lock)(cpu, self, mm, haddr)?;
        let pmd = Pmd(self.pmdp(mm, haddr).read_once(cpu));
        if pmd.is_swap_pmd() {
            self.change_pmd_migration_entry(cpu, mm, haddr, pmd, change);
            self.lock(pml).unlock(cpu);
            return Some(0);
        }
        if numa && (self.is_huge_zero_pmd(pmd) || pmd.is_protnone()) {
            self.lock(pml).unlock(cpu);
            return Some(0);
        }
        let old = (self.steps.moves.change_huge_start)(cpu, self, mm, haddr);
        cpu.pass(ip::mp3);
        let mut new = with_uffd_wp(change.prot.modify_pmd(old), change);
        let upgrade = cp_flags.has(CpFlags::TRY_CHANGE_WRITABLE) && !new.is_write();
        if upgrade && !new.is_protnone() && self.can_change_pmd_writable(change.vma, new) {
            new = new.mkwrite();
        }
        self.set_pmd_at(cpu, mm, haddr, new);
        change.note(cpu, mm, haddr, self.hpn, old.is_uffd_wp());
        if needs_flush(old, new) {
            self.tlb_remove_tlb_entry(tlb, haddr, self.hpn);
        }
        self.lock(pml).unlock(cpu);
        Some(self.hpn)
    }

    /// A migration entry is made readable: what may be written afterwards a fault will tell.
    fn change_pmd_migration_entry(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        haddr: Vaddr,
        pmd: Pmd,
        change: Change,
    ) {
        let protected = match pmd.is_writable_migration() {
            true => pmd.mkmigration_protected(self.folio_of(pmd.pfn()).is_anon()),
            false => pmd,
        };
        let new = with_uffd_wp(protected, change);
        if new != pmd {
            self.set_pmd_at(cpu, mm, haddr, new);
            change.note(cpu, mm, haddr, self.hpn, pmd.is_swp_uffd_wp());
        }
    }
}

fn with_uffd_wp(pmd: Pmd, change: Change) -> Pmd {
    if change.wp() {
        pmd.mkuffd_wp()
    } else if change.cp_flags.has(CpFlags::UFFD_WP_RESOLVE) {
        pmd.clear_uffd_wp()
    } else {
        pmd
    }
}

/// `pmdp_invalidate_ad`: what the hardware knows of the entry it can no longer write into it, so that no flush is needed
/// yet.
pub(in crate::mm) fn invalidate_ad(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, haddr: Vaddr) -> Pmd {
    let now = Pmd(k.pmdp(mm, haddr).read_once(cpu));
    cpu.vm_bug_on(!now.is_present(), "pmdp_invalidate_ad() of an entry that is not present");
    k.pmdp_establish(cpu, mm, haddr, now.mkinvalid())
}

/// `huge_pmd_needs_flush`.
fn needs_flush(old: Pmd, new: Pmd) -> bool {
    let same_access =
        new.is_user_accessible() && old.is_write() == new.is_write() && old.pfn() == new.pfn();
    let lost = old.is_dirty() && !new.is_dirty() || old.is_young() && !new.is_young();
    old.is_user_accessible() && (!same_access || lost)
}
