//! `can_change_pte_writable`: an entry may become writable at once (kernel-semantics section 11.10).

use crate::mm::kernel::Kernel;
use crate::mm::types::{Pte, VmaId};
use crate::mm::vma::VmFlags;

impl Kernel {
    /// `can_change_pte_writable`, asked only where `vma_wants_manual_pte_write_upgrade`: a write fault would do nothing but
    /// make the entry writable. The value that the entry will have otherwise is given.
    pub fn can_change_pte_writable(&self, vma: VmaId, entry: Pte) -> bool {
        let spec = self.vma(vma).spec();
        let protected = spec.flags.has(VmFlags::UFFD_WP) && entry.is_uffd_wp();
        if !spec.write() || entry.is_protnone() || protected {
            return false;
        }
        if spec.shared() {
            // A write fault has been there.
            return entry.is_dirty();
        }
        let anon = |&page: &_| self.folio_of(page).is_anon();
        self.vm_normal_page(entry).filter(anon).is_some_and(|page| self.page_anon_exclusive(page))
    }
}
