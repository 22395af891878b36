//! `mfill_atomic`: UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_CONTINUE and UFFDIO_POISON of one page
//! (kernel-semantics section 11.11).

use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::place::{func, ip};
use crate::mm::types::{FolioId, MmId, Pmd, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

/// What the page is filled with (`enum mfill_atomic_mode`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mfill {
    /// MFILL_ATOMIC_COPY: this content.
    Copy(u64),
    /// MFILL_ATOMIC_ZEROPAGE.
    Zeropage,
    /// MFILL_ATOMIC_CONTINUE: what the page cache has.
    Continue,
    /// MFILL_ATOMIC_POISON: nothing, ever.
    Poison,
}

/// Why a page was not filled.
pub(super) enum Failed {
    /// For good.
    With(Errno),
    /// The copy from user memory failed under mmap_lock: again, without it.
    CopyOutside(FolioId),
}

impl From<Errno> for Failed {
    fn from(errno: Errno) -> Failed {
        Failed::With(errno)
    }
}

impl Kernel {
    /// `mfill_atomic`, and the wake after it. Takes mmap_lock for read; may sleep.
    pub fn mfill_atomic(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr, what: Mfill) -> Errno {
        let _f = cpu.enter(func::mfill_atomic);
        let mut copied = None;
        let errno = loop {
            self.mmap_read_lock(cpu, mm);
            let filled = self.mfill_locked(cpu, mm, addr, what, &mut copied);
            self.mmap_read_unlock(cpu, mm);
            match filled {
                Ok(()) => break Errno::Ok,
                Err(Failed::With(errno)) => break errno,
                Err(Failed::CopyOutside(folio)) => {
                    // The page tables may be others afterwards, and so may the VMA: everything again.
                    self.mm(mm).uffd.copy_from_user(true);
                    self.fill_folio(folio, what);
                    copied = Some(folio);
                }
            }
        };
        if let Some(folio) = copied {
            self.folio_put(cpu, folio);
        }
        if errno == Errno::Ok {
            self.note_resolved(cpu, mm, addr, 1);
            (self.steps.uffd.wake)(cpu, self, mm, addr, 1);
        }
        errno
    }

    /// The part under mmap_lock. `copied` is a page that is filled already.
    fn mfill_locked(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        what: Mfill,
        copied: &mut Option<FolioId>,
    ) -> Result<(), Failed> {
        let vma = self.find_dst_vma(cpu, mm, addr).ok_or(Errno::Enoent)?;
        let spec = self.vma(vma).spec();
        let shmem = spec.file.is_some_and(|file| self.shmem_mapping(file));
        if !shmem && (spec.file.is_some() || what == Mfill::Continue) {
            return Err(Errno::Einval.into());
        }
        // Before any page-table lock: whoever retracts page tables asks for it under ptl.
        if !spec.shared() && !(self.steps.uffd.anon_vma_prepare)(cpu, self, vma) {
            return Err(Errno::Enomem.into());
        }
        match (self.steps.uffd.prepare_pmd)(cpu, self, mm, addr) {
            Errno::Ok => self.mfill_atomic_pte(cpu, vma, addr, what, copied),
            errno => Err(errno.into()),
        }
    }

    /// `find_dst_vma`: the VMA of the page, if it is registered.
    fn find_dst_vma(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> Option<VmaId> {
        let vma = self.vma_lookup(cpu, mm, addr)?;
        (self.steps.uffd.registered)(self, vma).then_some(vma)
    }
}

/// The VMA is registered, for whatever.
pub(in crate::mm) fn registered(k: &Kernel, vma: VmaId) -> bool {
    k.vma(vma).spec().flags.has(VmFlags::UFFD)
}

/// v6.6: makes sure that there is a table. The entry is read again and again without a lock, and each reading is believed:
/// between two of them a collapse may have taken the table away, or put a huge page there.
pub(in crate::mm) fn prepare_pmd(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, addr: Vaddr) -> Errno {
    let pmd = k.pmdp_get_lockless(cpu, mm, addr);
    if pmd.is_trans_huge() {
        return Errno::Eexist;
    }
    if pmd.is_none() && !k.pte_alloc(cpu, mm, addr) {
        return Errno::Enomem;
    }
    let read = || Pmd(k.pmdp(mm, addr).read_once(cpu));
    if read().is_trans_huge() {
        return Errno::Efault;
    }
    cpu.vm_bug_on(read().is_none(), "mfill_atomic() finds no page table");
    cpu.pass(ip::uf1);
    cpu.vm_bug_on(read().is_trans_huge(), "mfill_atomic() finds a huge page");
    Errno::Ok
}

/// The fix: one reading after the table was allocated decides. No table: the monitor may try again.
pub(in crate::mm) fn prepare_pmd_once(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, addr: Vaddr) -> Errno {
    let mut pmd = k.pmdp_get_lockless(cpu, mm, addr);
    if pmd.is_none() {
        if !k.pte_alloc(cpu, mm, addr) {
            return Errno::Enomem;
        }
        pmd = k.pmdp_get_lockless(cpu, mm, addr);
    }
    cpu.pass(ip::uf1);
    if pmd.is_none() {
        return Errno::Eagain;
    }
    if !pmd.is_present() || pmd.is_trans_huge() { Errno::Eexist } else { Errno::Ok }
}

/// `anon_vma_prepare`.
pub(in crate::mm) fn anon_vma_prepare(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId) -> bool {
    k.anon_vma_prepare(cpu, vma).is_some()
}
