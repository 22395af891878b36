//! UFFDIO_WRITEPROTECT (kernel-semantics sections 11.10 and 11.11): what mprotect does, with mmap_lock for read, for the
//! one bit of each entry that is userfaultfd's.

use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::mprotect::CpFlags;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::{Cpu, UffdFact, What};

impl Kernel {
    /// `mwriteprotect_range`, and the wake after a protection was lifted. ENOENT: not all of the range is registered for
    /// it. Takes mmap_lock for read; may sleep.
    pub fn mwriteprotect_range(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        (start, end): (Vaddr, Vaddr),
        enable: bool,
    ) -> Errno {
        let _f = cpu.enter(func::mwriteprotect_range);
        self.mmap_read_lock(cpu, mm);
        let mut errno = Errno::Enoent;
        for &vma in self.vmas_in(mm, start, end).iter() {
            let spec = self.vma(vma).spec();
            errno = match spec.flags.has(VmFlags::UFFD_WP) {
                true => {
                    let part = (spec.start.max(start), spec.end.min(end));
                    self.uffd_wp_range(cpu, vma, part, enable)
                }
                false => Errno::Enoent,
            };
            if errno != Errno::Ok {
                break;
            }
        }
        if errno != Errno::Ok && enable {
            let pages = end.0 - start.0;
            cpu.note(What::Uffd { mm: mm.0, page: start.0, pages, fact: UffdFact::Failed });
        }
        self.mmap_read_unlock(cpu, mm);
        if errno == Errno::Ok && !enable {
            self.note_resolved(cpu, mm, start, end.0 - start.0);
            (self.steps.uffd.wake)(cpu, self, mm, start, end.0 - start.0);
        }
        errno
    }

    /// `uffd_wp_range`: protects a part of a VMA, or lifts the protection. mmap_lock is held. ENOMEM: no table could be
    /// had for markers.
    pub(in crate::mm) fn uffd_wp_range(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        (start, end): (Vaddr, Vaddr),
        enable: bool,
    ) -> Errno {
        let spec = self.vma(vma).spec();
        if enable && spec.file.is_some() {
            // Whether or not there is an entry.
            note_wp(cpu, spec.mm, start, end.0 - start.0, true);
        }
        let cp_flags = match enable {
            true => CpFlags::UFFD_WP,
            false if spec.wants_manual_write_upgrade() => {
                CpFlags::UFFD_WP_RESOLVE.with(CpFlags::TRY_CHANGE_WRITABLE)
            }
            false => CpFlags::UFFD_WP_RESOLVE,
        };
        let mut tlb = self.tlb_gather_mmu(cpu, spec.mm);
        let changed = self.change_protection(cpu, &mut tlb, vma, start, end, cp_flags);
        cpu.pass(ip::mp2);
        (self.steps.uffd.wp_finish)(cpu, self, tlb);
        if changed.is_none() {
            // Nobody knows how far it came.
            note_wp(cpu, spec.mm, start, end.0 - start.0, false);
            return Errno::Enomem;
        }
        Errno::Ok
    }
}

/// Tells what is protected now, or no longer.
pub(in crate::mm) fn note_wp(cpu: &Cpu<'_>, mm: MmId, at: Vaddr, pages: u32, enable: bool) {
    let fact = if enable { UffdFact::Protected } else { UffdFact::Lifted };
    cpu.note(What::Uffd { mm: mm.0, page: at.0, pages, fact });
}
