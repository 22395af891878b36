//! `mprotect()` (kernel-semantics section 11.10).

use super::change::CpFlags;
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::place::{func, ip};
use crate::mm::tlb::MmuGather;
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

/// What a protection says of a VMA.
const ACCESS: VmFlags = VmFlags::READ.with(VmFlags::WRITE).with(VmFlags::EXEC);

impl Kernel {
    /// `do_mprotect_pkey`: `[start, end)` permits `prot` from now on, of VM_READ, VM_WRITE and VM_EXEC. Takes mmap_lock.
    /// ENOMEM: there is a hole, or no room for a VMA that is split; EACCES: a file that nobody may write to. What comes
    /// before that is changed.
    pub fn mprotect(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        (start, end): (Vaddr, Vaddr),
        prot: VmFlags,
    ) -> Errno {
        let _f = cpu.enter(func::mprotect);
        self.mmap_write_lock(cpu, mm);
        let mut tlb = self.tlb_gather_mmu(cpu, mm);
        let errno = self.mprotect_vmas(cpu, &mut tlb, (start, end), prot);
        cpu.pass(ip::mp2);
        let tlb = (self.steps.moves.protect_flush)(cpu, self, tlb);
        self.mmap_write_unlock(cpu, mm);
        if let Some(tlb) = tlb {
            self.tlb_finish_mmu(cpu, tlb);
        }
        errno
    }

    fn mprotect_vmas(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        (start, end): (Vaddr, Vaddr),
        prot: VmFlags,
    ) -> Errno {
        let mut at = start;
        while at < end {
            let Some(vma) = self.vma_lookup(cpu, tlb.mm, at) else { return Errno::Enomem };
            let spec = self.vma(vma).spec();
            let flags = spec.flags.without(ACCESS).with(prot);
            // Without VM_MAYWRITE: shared, and opened for reading only.
            let writers =
                |file| self.shmem_mapping(file) || self.mapping(file).i_writecount.peek() > 0;
            let may_write = !spec.shared() || spec.file.is_none_or(writers);
            if prot.has(VmFlags::WRITE) && !may_write {
                return Errno::Eacces;
            }
            let part = (at, spec.end.min(end));
            let prev = if at > spec.start { Some(vma) } else { self.vmas_around(tlb.mm, at, at).0 };
            match self.mprotect_fixup(cpu, tlb, prev, vma, part, flags) {
                Ok(vma) => at = part.1.max(self.vma(vma).spec().end),
                Err(errno) => return errno,
            }
        }
        Errno::Ok
    }

    /// `mprotect_fixup` of a part of a VMA. Returns the VMA that it is part of afterwards.
    ///
    /// The flags change before the entries: what is faulted in, or comes back from a migration, meanwhile gets them.
    fn mprotect_fixup(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        prev: Option<VmaId>,
        vma: VmaId,
        (start, end): (Vaddr, Vaddr),
        flags: VmFlags,
    ) -> Result<VmaId, Errno> {
        let _f = cpu.enter(func::mprotect_fixup);
        let old = self.vma(vma).spec();
        if flags == old.flags {
            return Ok(vma);
        }
        let vma = self.vma_modify(cpu, prev, vma, (start, end), flags)?;
        (self.steps.moves.protect_start_write)(cpu, self, vma);
        self.vma(vma).change_flags(cpu, flags, old.flags.without(flags));
        let manual = self.vma(vma).spec().wants_manual_write_upgrade();
        let cp_flags = if manual { CpFlags::TRY_CHANGE_WRITABLE } else { CpFlags::NONE };
        self.change_protection(cpu, tlb, vma, start, end, cp_flags);
        Ok(vma)
    }
}

/// The gather is put away, with no flush.
pub(in crate::mm) fn forget(cpu: &Cpu<'_>, k: &Kernel, tlb: MmuGather) -> Option<MmuGather> {
    k.mm(tlb.mm).tlb_flush_pending.add_return(cpu, -1);
    None
}

/// `tlb_finish_mmu`, while mmap_lock is held.
pub(in crate::mm) fn finish(cpu: &Cpu<'_>, k: &Kernel, tlb: MmuGather) -> Option<MmuGather> {
    k.tlb_finish_mmu(cpu, tlb);
    None
}
