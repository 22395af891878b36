//! From an access that the hardware refused to the handler that knows what is missing
//! (kernel-semantics sections 10.1 to 10.4).

use crate::mm::huge_memory::eligible::Asks;
use crate::mm::kernel::Kernel;
use crate::mm::pgtable::PteMap;
use crate::mm::place::{func, ip};
use crate::mm::tlb::{AccessFault, UserAccess};
use crate::mm::types::{MmId, Pte, TableId, Vaddr, VmaId};
use crate::sync::Cpu;

/// What a user access that cannot be served gets instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Signal {
    /// SIGSEGV: no mapping there, or none that permits it.
    Segv,
    /// SIGBUS: the mapping has nothing behind that page.
    Bus,
    /// The machine is out of memory.
    Oom,
    /// It waited for a userfaultfd, and whatever signal ended that.
    Kill,
}

/// How a fault ended (`vm_fault_t`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum FaultResult {
    /// 0 or VM_FAULT_NOPAGE: the user may access again, and fault again if that does not help.
    Done,
    /// VM_FAULT_RETRY: the handler has dropped the lock under which the fault was handled.
    Retry,
    /// VM_FAULT_SIGBUS.
    Sigbus,
    /// VM_FAULT_OOM.
    Oom,
}

/// `enum fault_flag`, as far as this model has them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FaultFlags {
    /// FAULT_FLAG_WRITE.
    pub write: bool,
    /// FAULT_FLAG_VMA_LOCK: the VMA's own lock is held, not mmap_lock.
    pub vma_lock: bool,
    /// FAULT_FLAG_UNSHARE: the page is to become the mm's own, for a pin for reading. Not with `write`.
    pub unshare: bool,
}

impl FaultFlags {
    /// For a pin for reading, under mmap_lock.
    pub const UNSHARE: FaultFlags = FaultFlags { write: false, vma_lock: false, unshare: true };

    /// A fault under mmap_lock.
    pub const fn mmap_locked(write: bool) -> FaultFlags {
        FaultFlags { write, vma_lock: false, unshare: false }
    }

    /// A fault under the lock of the VMA.
    pub const fn vma_locked(write: bool) -> FaultFlags {
        FaultFlags { write, vma_lock: true, unshare: false }
    }
}

/// A fault in flight (`struct vm_fault`).
#[derive(Clone, Copy, Debug)]
pub struct VmFault {
    /// Whose page table.
    pub mm: MmId,
    /// The VMA. mmap_lock keeps it, or its own lock.
    pub vma: VmaId,
    /// The page.
    pub addr: Vaddr,
    /// FAULT_FLAG_WRITE.
    pub write: bool,
    /// FAULT_FLAG_VMA_LOCK.
    pub vma_lock: bool,
    /// FAULT_FLAG_UNSHARE: the page is to become the mm's own, but not writable.
    pub unshare: bool,
    /// The entry that was found without a lock. Empty also if there was no table to read from, where the kernel
    /// leaves FAULT_FLAG_ORIG_PTE_VALID clear: either way an empty entry is what must be found again.
    pub orig_pte: Pte,
    /// A table that was allocated while it was still allowed to sleep, and is not used yet.
    pub prealloc_pte: Option<TableId>,
}

impl VmFault {
    /// `vmf_orig_pte_uffd_wp`: whether the new entry is to be write-protected as the one before was.
    pub(super) fn orig_uffd_wp(&self) -> bool {
        self.orig_pte.is_uffd_wp_marker()
    }

    /// Whether a page that is mapped read-only has to be made the mm's own.
    fn wants_own(&self) -> bool {
        self.write || self.unshare
    }
}

impl FaultResult {
    /// What the user gets of a fault that is over.
    fn into_signal(self) -> Result<(), Signal> {
        match self {
            FaultResult::Done | FaultResult::Retry => Ok(()),
            FaultResult::Sigbus => Err(Signal::Bus),
            FaultResult::Oom => Err(Signal::Oom),
        }
    }
}

impl Kernel {
    /// An access of a user program: returns the content that was read, or that was written.
    pub fn user_access(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        access: UserAccess,
    ) -> Result<u64, Signal> {
        loop {
            match self.access(cpu, mm, addr, access) {
                Ok(value) => return Ok(value),
                Err(AccessFault) => self.do_user_addr_fault(cpu, mm, addr, access.is_write())?,
            }
        }
    }

    /// `do_user_addr_fault`: `Ok` if the access is worth another try. Takes and releases the lock of the VMA, or
    /// mmap_lock where that is not enough.
    pub fn do_user_addr_fault(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        write: bool,
    ) -> Result<(), Signal> {
        if let Some(result) = self.fault_under_vma_lock(cpu, mm, addr, write) {
            if result != FaultResult::Retry {
                return result.into_signal();
            }
            if self.fault_signal_pending(cpu, mm) {
                return Err(Signal::Kill);
            }
        }
        let mmap_lock = &self.mm(mm).mmap_lock;
        loop {
            mmap_lock.down_read(cpu);
            let vma =
                self.vma_lookup(cpu, mm, addr).filter(|&vma| self.vma(vma).spec().permits(write));
            let Some(vma) = vma else {
                mmap_lock.up_read(cpu);
                return Err(Signal::Segv);
            };
            let result = self.handle_mm_fault(cpu, mm, vma, addr, FaultFlags::mmap_locked(write));
            if result == FaultResult::Retry {
                // The lock is gone, and with it the VMA: a munmap may have been waiting for it.
                if self.fault_signal_pending(cpu, mm) {
                    return Err(Signal::Kill);
                }
                continue;
            }
            mmap_lock.up_read(cpu);
            return result.into_signal();
        }
    }

    /// The first attempt, without mmap_lock: munmap, mremap, fork and whoever else changes VMAs waits for the lock of
    /// this one only. `None`: it could not be locked, or does not permit the access; `Retry`: its lock is gone.
    fn fault_under_vma_lock(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        write: bool,
    ) -> Option<FaultResult> {
        let vma = self.lock_vma_under_rcu(cpu, mm, addr)?;
        if !self.vma(vma).spec().permits(write) {
            self.vma_end_read(cpu, vma);
            return None;
        }
        let result = self.handle_mm_fault(cpu, mm, vma, addr, FaultFlags::vma_locked(write));
        if result != FaultResult::Retry {
            self.vma_end_read(cpu, vma);
        }
        Some(result)
    }

    /// `release_fault_lock`: the lock under which the fault is handled.
    pub(in crate::mm) fn release_fault_lock(&self, cpu: &Cpu<'_>, vmf: &VmFault) {
        if vmf.vma_lock {
            self.vma_end_read(cpu, vmf.vma);
        } else {
            self.mm(vmf.mm).mmap_lock.up_read(cpu);
        }
    }

    /// What must have mmap_lock gives the lock of the VMA up, and the fault is tried again. `true`: it did.
    pub(super) fn leave_vma_lock(&self, cpu: &Cpu<'_>, vmf: &VmFault) -> bool {
        if vmf.vma_lock {
            self.vma_end_read(cpu, vmf.vma);
        }
        vmf.vma_lock
    }

    /// `handle_mm_fault`: mmap_lock is held for read, or the lock of the VMA, and still is afterwards unless the result
    /// is `Retry`.
    pub fn handle_mm_fault(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        vma: VmaId,
        addr: Vaddr,
        FaultFlags { write, vma_lock, unshare }: FaultFlags,
    ) -> FaultResult {
        let _f = cpu.enter(func::handle_mm_fault);
        self.assert_vma_stable(cpu, vma);
        let (orig_pte, prealloc_pte) = (Pte::NONE, None);
        let mut vmf = VmFault { mm, vma, addr, write, vma_lock, unshare, orig_pte, prealloc_pte };
        if let Some(result) = self.handle_huge_fault(cpu, &vmf) {
            return result;
        }
        self.handle_pte_fault(cpu, &mut vmf)
    }

    /// The part of `__handle_mm_fault` that is about the PMD entry. `None`: the fault goes on with the PTE.
    fn handle_huge_fault(&self, cpu: &Cpu<'_>, vmf: &VmFault) -> Option<FaultResult> {
        let orig_pmd = self.pmdp_get_lockless(cpu, vmf.mm, vmf.addr);
        if orig_pmd.is_none() {
            let flags = self.vma(vmf.vma).spec().flags;
            let eligible = self.hugepage_vma_check(vmf.vma, flags, Asks::FAULT);
            return if eligible { self.create_huge_pmd(cpu, vmf) } else { None };
        }
        if orig_pmd.is_swap_pmd() {
            cpu.vm_bug_on(
                !orig_pmd.is_migration(),
                "a PMD entry is not present, and no migration entry",
            );
            self.pmd_migration_entry_wait(cpu, vmf.mm, vmf.addr);
            return Some(FaultResult::Done);
        }
        if !orig_pmd.is_trans_huge() {
            return None;
        }
        if orig_pmd.is_protnone() && self.vma(vmf.vma).spec().accessible() {
            return Some(self.do_huge_pmd_numa_page(cpu, vmf, orig_pmd));
        }
        if vmf.wants_own() && !orig_pmd.is_write() {
            return self.wp_huge_pmd(cpu, vmf, orig_pmd);
        }
        self.huge_pmd_set_accessed(cpu, vmf, orig_pmd);
        Some(FaultResult::Done)
    }

    /// `handle_pte_fault`. Everything up to the lock is a guess: the table may be retracted, the entry zapped.
    fn handle_pte_fault(&self, cpu: &Cpu<'_>, vmf: &mut VmFault) -> FaultResult {
        if self.pmdp_get_lockless(cpu, vmf.mm, vmf.addr).is_none() {
            cpu.pass(ip::pf1);
            return self.do_pte_missing(cpu, vmf);
        }
        let Some((pte, ptl)) = self.pte_offset_map_nolock(cpu, vmf.mm, vmf.addr) else {
            // A collapse or a racing fault has put something else there: the access is tried again.
            return FaultResult::Done;
        };
        vmf.orig_pte = self.ptep_get_lockless(cpu, pte, vmf.addr);
        cpu.pass(ip::pf2);
        if vmf.orig_pte.is_none() {
            self.pte_unmap(cpu);
            return self.do_pte_missing(cpu, vmf);
        }
        if !vmf.orig_pte.is_present() {
            let same = (self.steps.pte_unmap_same)(cpu, self, (pte, ptl), vmf.addr, vmf.orig_pte);
            self.pte_unmap(cpu);
            return if same { self.do_swap_page(cpu, vmf) } else { FaultResult::Done };
        }
        if vmf.orig_pte.is_protnone() && self.vma(vmf.vma).spec().accessible() {
            return self.do_numa_page(cpu, vmf, pte, ptl);
        }
        cpu.pass(ip::pf3);
        self.lock(ptl).lock(cpu);
        // The PMD entry is not looked at again: a table that was retracted meanwhile is empty, and this is not.
        if !self.vmf_pte_changed(cpu, vmf, pte) {
            if vmf.wants_own() && !vmf.orig_pte.is_write() {
                return self.do_wp_page(cpu, vmf, pte, ptl);
            }
            if vmf.write && !vmf.orig_pte.is_dirty() {
                self.ptep_set_access_flags(cpu, vmf.mm, pte, vmf.addr, vmf.orig_pte.mkdirty());
            }
        }
        self.pte_unmap_unlock(cpu, ptl);
        FaultResult::Done
    }

    /// `do_pte_missing`.
    pub(in crate::mm) fn do_pte_missing(&self, cpu: &Cpu<'_>, vmf: &mut VmFault) -> FaultResult {
        match self.vma(vmf.vma).spec().file {
            None => self.do_anonymous_page(cpu, vmf),
            Some(file) => self.do_fault(cpu, vmf, file),
        }
    }

    /// `vmf_pte_changed`, under ptl: whether the entry is another one than the fault was about.
    pub(super) fn vmf_pte_changed(&self, cpu: &Cpu<'_>, vmf: &VmFault, pte: PteMap) -> bool {
        self.ptep_get(cpu, pte, vmf.addr) != vmf.orig_pte
    }
}
