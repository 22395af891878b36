//! The lock-order ladder (kernel-semantics section 12.1), outermost first.
//!
//! ```text
//! i_rwsem
//!   mmap_lock, then invalidate_lock
//!     folio lock
//!       vma->vm_lock                   (for write, an instant; for read it takes the place of mmap_lock)
//!       i_mmap_rwsem
//!         anon_vma->rwsem
//!           pml, page_table_lock
//!             ptl                      (nested in pml if it is another lock)
//!               swap device lock
//!                 i_pages xa_lock      (also taken outside of every page-table lock)
//! ```
//! Two of the same rank (nested classes): a fork holds mmap_lock of the parent and then of the child, pml or ptl of the
//! child and then of the parent; mmap_lock of both, held for write, makes the order irrelevant.
//! Exceptions by trylock: the folio lock under ptl in `do_wp_page`, `mmap_lock` in khugepaged.

/// `inode->i_rwsem`.
pub(super) const I_RWSEM: u8 = 1;
/// `mm->mmap_lock`.
pub(super) const MMAP_LOCK: u8 = 2;
/// `mapping->invalidate_lock`.
pub(super) const INVALIDATE_LOCK: u8 = 3;
/// PG_locked.
pub(super) const FOLIO_LOCK: u8 = 4;
/// `vma->vm_lock`, for write. Held for read, its rank is that of mmap_lock.
pub(super) const VMA_LOCK: u8 = 5;
/// `mapping->i_mmap_rwsem`.
pub(super) const I_MMAP_RWSEM: u8 = 6;
/// The rwsem of an anon_vma root.
pub(super) const ANON_VMA_RWSEM: u8 = 7;
/// pml, or `mm->page_table_lock`.
pub(super) const PML: u8 = 8;
/// ptl.
pub(super) const PTL: u8 = 9;
/// The lock of a swap device, and the notifier's and KVM's spinlocks.
pub(super) const SWAP_LOCK: u8 = 10;
/// The xa_lock of a page cache.
pub(super) const XA_LOCK: u8 = 11;
/// Leaf locks: `khugepaged_mm_lock`, the secondary MMU's.
pub(super) const LEAF: u8 = 12;
