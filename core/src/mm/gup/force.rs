//! `access_remote_vm()`: a debugger writes to the memory of a process, by force where the process itself must not
//! (kernel-semantics section 6.6). Never past a private mapping: what it writes to is the mm's own.

use super::flags::FollFlags;
use crate::mm::kernel::Kernel;
use crate::mm::memory::Signal;
use crate::mm::place::func;
use crate::mm::types::{MmId, Pfn, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

impl Kernel {
    /// `access_remote_vm` of one page of a private mapping that can be read. Holds mmap_lock until it has written, so that
    /// no fork comes in between; may sleep.
    ///
    /// # Errors
    /// What a user access would get.
    pub fn access_remote_vm(
        &self,
        cpu: &Cpu<'_>,
        mm: MmId,
        addr: Vaddr,
        content: u64,
    ) -> Result<(), Signal> {
        let _f = cpu.enter(func::get_user_page);
        let mmap_lock = &self.mm(mm).mmap_lock;
        mmap_lock.down_read(cpu);
        let page = match self.__get_user_page(cpu, mm, addr, FollFlags::FORCE) {
            Err(Signal::Kill) => return Err(Signal::Kill),
            page => page,
        };
        if let Ok(page) = page {
            self.page(page.pfn).content.write_once(cpu, content);
            self.folio_mark_dirty(cpu, self.folios.of(page.pfn));
            self.put_user_page(cpu, page);
        }
        mmap_lock.up_read(cpu);
        page.map(|_| ())
    }

    /// The part of `check_vma_flags` about a forced write. Of a shared mapping it would be a store like any other.
    pub(super) fn may_force(&self, vma: VmaId) -> bool {
        let spec = self.vma(vma).spec();
        !spec.shared() && spec.flags.has(VmFlags::READ)
    }
}

/// `can_follow_write_pte`: a read-only entry will do if its page is the mm's own for sure.
pub(in crate::mm) fn can_follow_write(
    k: &Kernel,
    vma: VmaId,
    flags: FollFlags,
    page: Pfn,
    _dirty: bool,
) -> bool {
    // Where the VMA can be written to, the entry is read-only for a reason.
    flags.force
        && !k.vma(vma).spec().write()
        && k.folios.is_valid(page)
        && k.folio_of(page).is_anon()
        && k.page_anon_exclusive(page)
}
