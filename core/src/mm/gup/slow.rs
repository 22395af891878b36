//! get_user_pages, the slow path: walks under mmap_lock and the locks of the entries, and faults until it comes to a page
//! that may be had (kernel-semantics section 6.6, last line).

use super::fast::note_done;
use super::flags::{FollFlags, UserPage};
use crate::mm::kernel::Kernel;
use crate::mm::memory::{FaultFlags, FaultResult, Signal};
use crate::mm::place::func;
use crate::mm::types::{MmId, Pfn, Pmd, Vaddr, VmaId, ZERO_PFN};
use crate::mm::vma::VmFlags;
use crate::sync::{Cpu, What};

/// What a look at the page tables comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Follow {
    /// A page, with a reference.
    Page(UserPage),
    /// NULL: fault it in.
    Missing,
    /// -EMLINK: the page is shared, and must be made the mm's own first.
    Shared,
}

impl Kernel {
    /// `get_user_pages_unlocked` of one page. To be given back by [`Kernel::put_user_page`]. Takes mmap_lock; may sleep.
    ///
    /// # Errors
    /// What a user access would get.
    pub fn get_user_page(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        flags: FollFlags,
    ) -> Result<UserPage, Signal> {
        let _f = cpu.enter(func::get_user_page);
        let mmap_lock = &self.mm(mm).mmap_lock;
        mmap_lock.down_read(cpu);
        let result = self.__get_user_page(cpu, mm, addr, flags);
        if result == Err(Signal::Kill) {
            return result;
        }
        mmap_lock.up_read(cpu);
        if let Ok(page) = result {
            self.sanity_check_pinned_page(cpu, page);
        }
        result
    }

    /// `__get_user_pages`: the same with mmap_lock held, and held afterwards, unless a signal has come (`Kill`).
    pub(super) fn __get_user_page(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        mut flags: FollFlags,
    ) -> Result<UserPage, Signal> {
        let mmap_lock = &self.mm(mm).mmap_lock;
        loop {
            // Again after every fault: mmap_lock may have been dropped.
            let Some(vma) = self.vma_lookup(cpu, mm, addr) else { break Err(Signal::Segv) };
            if !self.check_vma_flags(vma, flags) {
                break Err(Signal::Segv);
            }
            let fault = match self.follow_page_mask(cpu, vma, addr, flags) {
                Follow::Page(page) => break Ok(page),
                Follow::Missing => FaultFlags::mmap_locked(flags.write),
                Follow::Shared => FaultFlags::UNSHARE,
            };
            match self.handle_mm_fault(cpu, mm, vma, addr, fault) {
                FaultResult::Done => (self.steps.gup.after_fault)(self, vma, addr, &mut flags),
                FaultResult::Retry if self.fault_signal_pending(cpu, mm) => {
                    break Err(Signal::Kill);
                }
                FaultResult::Retry => mmap_lock.down_read(cpu),
                FaultResult::Sigbus => break Err(Signal::Bus),
                FaultResult::Oom => break Err(Signal::Oom),
            }
        }
    }

    /// `put_page` or `unpin_user_page`, of what either path has returned. The zero page is not counted.
    pub fn put_user_page(&self, cpu: &Cpu<'_>, page: UserPage) {
        let _f = cpu.enter(func::unpin_user_page);
        if self.folios.is_valid(page.pfn) {
            cpu.note(What::GupPut { pfn: page.pfn.0 });
            self.gup_put_folio(cpu, self.folios.of(page.pfn), page.flags);
        }
    }

    /// `check_vma_flags`.
    fn check_vma_flags(&self, vma: VmaId, flags: FollFlags) -> bool {
        let spec = self.vma(vma).spec();
        if !flags.write {
            return spec.flags.has(VmFlags::READ);
        }
        if flags.force {
            return self.may_force(vma);
        }
        // writable_file_mapping_allowed(): the file system must be told of every write to it.
        let untracked = |file| !spec.shared() || self.shmem_mapping(file);
        spec.write() && (!(flags.pin && flags.longterm) || spec.file.is_none_or(untracked))
    }

    /// `follow_page_mask`.
    fn follow_page_mask(&self, cpu: &Cpu<'_>, vma: VmaId, addr: Vaddr, flags: FollFlags) -> Follow {
        let mm = self.vma(vma).spec().mm;
        let pmd = self.pmdp_get_lockless(cpu, mm, addr);
        if !pmd.is_present() {
            return Follow::Missing;
        }
        if pmd.is_trans_huge() {
            let pml = self.pmd_lock(cpu, mm);
            let pmd = Pmd(self.pmdp(mm, addr).read_once(cpu));
            if !pmd.is_present() || pmd.is_trans_huge() {
                let found = self.follow_trans_huge_pmd(cpu, vma, addr, pmd, flags);
                self.lock(pml).unlock(cpu);
                return found;
            }
            // It was split or zapped, and there is a table now.
            self.lock(pml).unlock(cpu);
        }
        self.follow_page_pte(cpu, vma, addr, flags)
    }

    /// `follow_trans_huge_pmd`, under pml.
    fn follow_trans_huge_pmd(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        addr: Vaddr,
        pmd: Pmd,
        flags: FollFlags,
    ) -> Follow {
        let forced =
            || (self.steps.gup.can_follow_write)(self, vma, flags, pmd.pfn(), pmd.is_dirty());
        if !(pmd.access_permitted(flags.write)
            || pmd.is_protnone() && can_follow_protnone(flags)
            || flags.force && pmd.access_permitted(false) && forced())
        {
            return Follow::Missing;
        }
        (self.steps.gup.touch_pmd)(cpu, self, vma, addr, pmd);
        let pfn = Pfn(pmd.pfn().0 + addr.0 % self.hpn);
        let page = UserPage { pfn, writable: pmd.is_write(), flags };
        // The head says for all pages whether they are exclusive.
        self.follow_grab(cpu, vma, addr, page, pmd.pfn(), pmd.is_dirty())
    }

    /// `follow_page_pte`.
    fn follow_page_pte(&self, cpu: &Cpu<'_>, vma: VmaId, addr: Vaddr, flags: FollFlags) -> Follow {
        let mm = self.vma(vma).spec().mm;
        let Some((pte, ptl)) = self.pte_offset_map_lock(cpu, mm, addr) else {
            return Follow::Missing;
        };
        let entry = self.ptep_get(cpu, pte, addr);
        let page = UserPage { pfn: entry.pfn(), writable: entry.is_write(), flags };
        let protnone = entry.is_protnone() && can_follow_protnone(flags);
        let forced =
            || (self.steps.gup.can_follow_write)(self, vma, flags, entry.pfn(), entry.is_dirty());
        let found = if entry.access_permitted(flags.write)
            || protnone
            || flags.force && entry.access_permitted(false) && forced()
        {
            self.follow_grab(cpu, vma, addr, page, page.pfn, entry.is_dirty())
        } else {
            Follow::Missing
        };
        self.pte_unmap_unlock(cpu, ptl);
        found
    }

    /// The part that both have in common, under the lock of the entry.
    fn follow_grab(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        addr: Vaddr,
        page: UserPage,
        exclusive: Pfn,
        dirty: bool,
    ) -> Follow {
        if !self.folios.is_valid(page.pfn) {
            return Follow::Missing;
        }
        let flags = page.flags;
        if !page.writable && (self.steps.gup_must_unshare)(cpu, self, Some(vma), flags, exclusive) {
            return Follow::Shared;
        }
        self.try_grab_page(cpu, page.pfn, flags);
        // FOLL_TOUCH.
        if flags.write && !dirty && page.pfn != ZERO_PFN {
            self.folio_mark_dirty(cpu, self.folios.of(page.pfn));
        }
        note_done(cpu, self.vma(vma).spec().mm, addr, page);
        Follow::Page(page)
    }
}

/// `gup_can_follow_protnone`, of a VMA that has access: the entry is a hint, which only a user must heed. It permits no
/// writes.
fn can_follow_protnone(flags: FollFlags) -> bool {
    !flags.honor_numa_fault && !flags.write
}
