//! GUP-fast: a walk of the tables without any lock (kernel-semantics section 6.6).
//!
//! With interrupts off the CPU counts as a reader of RCU, and nobody who broadcasts an interrupt gets past it: so no
//! table vanishes under the walk. Everything else may: the page of an entry that was read may be another's by the time
//! when it is grabbed. So the entries are looked at again with the reference in hand, and whoever needs a page for himself
//! clears its entry before he looks at its reference count.

use super::flags::{FollFlags, UserPage};
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::PteMap;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Pfn, Pmd, Vaddr};
use crate::sync::{Cpu, What};

impl Kernel {
    /// `get_user_pages_fast_only` of one page (`lockless_pages_from_mm`): the page that is mapped at `addr` now, if it can
    /// be had without a lock. To be given back by [`Kernel::put_user_page`].
    pub fn get_user_page_fast_only(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        flags: FollFlags,
    ) -> Option<UserPage> {
        let _f = cpu.enter(func::gup_fast);
        cpu.vm_bug_on(cpu.irqs_disabled(), "GUP-fast is called with interrupts off");
        let seq = match flags.pin {
            true => (self.steps.gup_pin_seq_begin)(cpu, self, mm)?,
            false => 0,
        };
        (self.steps.gup_irq_save)(cpu);
        let page = self.gup_pmd_range(cpu, mm, addr, flags);
        (self.steps.gup_irq_restore)(cpu);
        let page = page?;
        // A fork that is write-protecting the mm has perhaps looked for pins before this one was there.
        if flags.pin && (self.steps.gup_pin_seq_retry)(cpu, self, mm, seq) {
            self.put_user_page(cpu, page);
            return None;
        }
        self.sanity_check_pinned_page(cpu, page);
        Some(page)
    }

    /// `gup_pmd_range`: one reading of the PMD entry, which is all that the rest goes by.
    fn gup_pmd_range(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        flags: FollFlags,
    ) -> Option<UserPage> {
        let pmd = self.pmdp_get_lockless(cpu, mm, addr);
        if !pmd.is_present() {
            return None;
        }
        if pmd.is_trans_huge() {
            self.gup_huge_pmd(cpu, mm, addr, pmd, flags)
        } else {
            self.gup_pte_range(cpu, mm, addr, pmd, flags)
        }
    }

    /// `gup_huge_pmd`.
    fn gup_huge_pmd(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        orig: Pmd,
        flags: FollFlags,
    ) -> Option<UserPage> {
        let _f = cpu.enter(func::gup_huge_pmd);
        if !orig.access_permitted(flags.write) {
            return None;
        }
        let pfn = Pfn(orig.pfn().0 + addr.0 % self.hpn);
        let page = UserPage { pfn, writable: orig.is_write(), flags };
        let folio = self.try_grab_folio(cpu, pfn, flags)?;
        note_grab(cpu, mm, addr, page);
        cpu.pass(ip::gf1);
        let allowed = (self.steps.gup_pmd_recheck)(cpu, self.pmdp(mm, addr), orig)
            && (self.steps.gup_fast_pin_allowed)(cpu, self, folio, flags)
            && (page.writable
                || !(self.steps.gup_must_unshare)(cpu, self, None, flags, orig.pfn()));
        if !allowed {
            self.gup_put_folio(cpu, folio, flags);
            return None;
        }
        note_done(cpu, mm, addr, page);
        Some(page)
    }

    /// `gup_pte_range`: `pmd` is a copy of the entry, which may have changed since; the table is there all the same.
    fn gup_pte_range(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        pmd: Pmd,
        flags: FollFlags,
    ) -> Option<UserPage> {
        let _f = cpu.enter(func::gup_pte_range);
        cpu.pass(ip::gf2);
        // Nothing is accessed here. But until RCU is held only the interrupts keep the table.
        cpu.step(0, 2);
        // pte_offset_map() of the copy on the stack.
        (self.steps.pte_map_rcu_lock)(cpu);
        let pte = PteMap { table: self.pgtable(cpu, pmd) };
        let page = self.gup_one_pte(cpu, mm, addr, pmd, pte, flags);
        self.pte_unmap(cpu);
        page
    }

    /// One turn of the loop of `gup_pte_range`.
    fn gup_one_pte(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        pmd: Pmd,
        pte: PteMap,
        flags: FollFlags,
    ) -> Option<UserPage> {
        let orig = self.ptep_get_lockless(cpu, pte, addr);
        cpu.pass(ip::gf3);
        if !orig.access_permitted(flags.write) || orig.is_special() {
            return None;
        }
        let page = UserPage { pfn: orig.pfn(), writable: orig.is_write(), flags };
        let folio = self.try_grab_folio(cpu, page.pfn, flags)?;
        note_grab(cpu, mm, addr, page);
        cpu.pass(ip::gf4);
        let allowed = (self.steps.gup_pmd_recheck)(cpu, self.pmdp(mm, addr), pmd)
            && (self.steps.gup_pte_recheck)(cpu, self, pte, addr, orig)
            && (self.steps.gup_fast_pin_allowed)(cpu, self, folio, flags)
            && (page.writable || !(self.steps.gup_must_unshare)(cpu, self, None, flags, page.pfn));
        if !allowed {
            self.gup_put_folio(cpu, folio, flags);
            return None;
        }
        note_done(cpu, mm, addr, page);
        Some(page)
    }

    /// `sanity_check_pinned_pages`: an anonymous page that is pinned belongs to its mm alone.
    pub(super) fn sanity_check_pinned_page(&self, cpu: &Cpu<'_>, page: UserPage) {
        let folio = self.folios.of(page.pfn);
        if page.flags.pin && self.folio(folio).is_anon() {
            // Of a huge page that a PMD entry maps the head says it for all.
            let head = self.folios.head(folio);
            let exclusive = self.page_anon_exclusive(page.pfn) || self.page_anon_exclusive(head);
            cpu.vm_bug_on(!exclusive, "an anonymous page is pinned that is not exclusive");
        }
    }
}

/// Tells that a page was grabbed whose entry may be gone since.
fn note_grab(cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, page: UserPage) {
    let (pfn, flags) = (page.pfn.0, page.flags.bits());
    cpu.note(What::GupGrab { mm: mm.0, page: addr.0, pfn, flags });
}

/// Tells that the page is the caller's.
pub(super) fn note_done(cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, page: UserPage) {
    let (pfn, flags) = (page.pfn.0, page.flags.bits());
    cpu.note(What::GupDone { mm: mm.0, page: addr.0, pfn, flags });
}

/// `raw_read_seqcount(&mm->write_protect_seq)`. `None`: a fork is write-protecting.
pub(in crate::mm) fn pin_seq_begin(cpu: &Cpu<'_>, k: &Kernel, mm: MmId) -> Option<u64> {
    let seq = k.mm(mm).write_protect_seq.read_once(cpu);
    (seq & 1 == 0).then_some(seq)
}

/// `read_seqcount_retry(&mm->write_protect_seq)`.
pub(in crate::mm) fn pin_seq_retry(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, seq: u64) -> bool {
    k.mm(mm).write_protect_seq.read_once(cpu) != seq
}
