//! `madvise(MADV_REMOVE)`: a hole is punched into whatever file is mapped shared and writable there
//! (kernel-semantics section 11.2).

use super::kernel::Kernel;
use super::khugepaged::Errno;
use super::place::{func, ip};
use super::types::{MmId, Vaddr, VmaId};
use super::vma::VmFlags;
use crate::sync::Cpu;

impl Kernel {
    /// `madvise(MADV_REMOVE)` of `[start, end)`, VMA by VMA. ENOMEM: there were holes in the range. EINVAL: not a file, or
    /// locked; EACCES, which is EINVAL here: not shared, or not writable.
    pub fn madvise_remove(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, end: Vaddr) -> Errno {
        let _f = cpu.enter(func::madvise_remove);
        let (mut start, mut errno) = (start, Errno::Ok);
        self.mm(mm).mmap_lock.down_read(cpu);
        while start < end {
            let Some(vma) = self.find_vma(mm, start) else {
                errno = Errno::Enomem;
                break;
            };
            let spec = self.vma(vma).spec();
            if start < spec.start {
                errno = Errno::Enomem;
                start = spec.start;
                continue;
            }
            let to = spec.end.min(end);
            if !self.madvise_remove_vma(cpu, vma, (start, to)) {
                errno = Errno::Einval;
                break;
            }
            start = to;
        }
        self.mm(mm).mmap_lock.up_read(cpu);
        errno
    }

    /// One VMA, with mmap_lock held for read, before and after. In between it is not, and the VMA may go: the file that was
    /// mapped is kept by a reference.
    fn madvise_remove_vma(&self, cpu: &Cpu<'_>, vma: VmaId, (start, end): (Vaddr, Vaddr)) -> bool {
        let spec = self.vma(vma).spec();
        let Some(file) = spec.file.filter(|_| !spec.flags.has(VmFlags::LOCKED)) else {
            return false;
        };
        if !spec.shared() || !spec.write() {
            return false;
        }
        let first = spec.pgoff_of(start);
        let most = self.mapping(file).i_pages.len() as u32;
        let range = (first, (first + end.0 - start.0).min(most));
        (self.steps.fs.remove_mmap_unlock)(cpu, self, spec.mm);
        cpu.pass(ip::remove_unlocked);
        self.punch_hole(cpu, file, range);
        (self.steps.fs.remove_mmap_lock)(cpu, self, spec.mm);
        true
    }
}
