//! The classes of shared objects: how a trace, a debt or a verdict names them.

use crate::sync::Obj;

/// A class of objects: its number in an [`Obj`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// The interrupt flag of a CPU.
    Irqs = 0,
    /// `mm->mmap_lock`.
    MmapLock,
    /// `inode->i_rwsem`.
    InodeRwsem,
    /// `mapping->i_mmap_rwsem`.
    IMmapRwsem,
    /// The rwsem of an anon_vma root.
    AnonVmaRwsem,
    /// PG_locked of a folio.
    FolioLock,
    /// `mm->page_table_lock`.
    PageTableLock,
    /// The lock of a PMD table (pml).
    Pml,
    /// The lock of a PTE table (ptl).
    Ptl,
    /// The xa_lock of a page cache.
    XaLock,
    /// `subscriptions->lock` and KVM's `mmu_lock`, folded.
    MmuLock,
    /// `khugepaged_mm_lock`.
    KhugepagedLock,
    /// The lock of the swap device.
    SwapLock,
    /// The VMA tree of an mm.
    VmaTree,
    /// A VMA.
    Vma,
    /// `vma->anon_vma`.
    AnonVmaPtr,
    /// A PMD entry: mm * units + unit.
    Pmd,
    /// A PTE: table * HPN + i.
    Pte,
    /// A PTE table.
    Table,
    /// `mm->pgtables_bytes`, in tables.
    NrPtes,
    /// An rss counter: mm * 4 + which.
    Rss,
    /// A folio's refcount.
    Refcount,
    /// A page's `_mapcount`.
    Mapcount,
    /// A folio's `_entire_mapcount`.
    EntireMapcount,
    /// A folio's `_nr_pages_mapped`.
    NrPagesMapped,
    /// A folio's flags.
    FolioFlags,
    /// `folio->mapping`.
    Mapping,
    /// A folio.
    Folio,
    /// A page.
    Page,
    /// A page's content (a version tag).
    Content,
    /// page_table_check: a page's `anon_map_count`.
    PtcAnon,
    /// page_table_check: a page's `file_map_count`.
    PtcFile,
    /// page_table_check: both counts of all pages of a folio (debts only).
    Ptc,
    /// A slot of a page cache: file * pages + index.
    Cache,
    /// `inode->i_size`.
    ISize,
    /// `mapping->i_mmap`.
    IMmap,
    /// The use count of a swap slot.
    SwapCount,
    /// The swap cache's folio of a swap slot.
    SwapCache,
    /// A CPU's TLB.
    Tlb,
    /// `mm->context.tlb_gen`.
    TlbGen,
    /// `active_invalidate_ranges` and `in_progress` of an mm's subscriptions.
    NotifierActive,
    /// `invalidate_seq` of an mm's subscriptions.
    NotifierSeq,
    /// An entry of the secondary MMU: mm * pages + page.
    Shadow,
    /// A khugepaged slot.
    Slot,
    /// `vm_start`, `vm_end`, `vm_pgoff`, `vm_mm` and `vm_file` of a VMA.
    VmaRange,
    /// `vma->vm_flags`.
    VmFlags,
    /// `vma->vm_lock`.
    VmLock,
    /// `vma->vm_lock_seq`, or, from 256 on, `mm->mm_lock_seq`.
    VmLockSeq,
    /// `mm->mm_users`.
    MmUsers,
    /// `mm->mm_count`.
    MmCount,
    /// `mm->flags`.
    MmFlags,
    /// `mm->write_protect_seq`.
    WriteProtectSeq,
    /// `mm->tlb_flush_batched`.
    TlbFlushBatched,
    /// `pmd_huge_pte`: the tables that an mm has deposited.
    Deposit,
    /// A folio's `_pincount`.
    Pincount,
    /// PG_anon_exclusive of a page.
    AnonExclusive,
    /// The per-CPU batch of folios to be added to the LRU.
    LruBatch,
    /// `mapping->invalidate_lock`.
    InvalidateLock,
    /// `mapping->nrpages`.
    NrPages,
    /// `mapping->nr_thps`.
    NrThps,
    /// `inode->i_blocks`, in pages: allocated or swapped out.
    IBlocks,
    /// `inode->i_writecount`.
    IWritecount,
    /// `inode->i_private`: the hole punch in progress.
    IPrivate,
    /// The content of a swap slot.
    SwapContent,
    /// A userfaultfd context.
    Uffd,
    /// The links of an anon_vma's interval tree.
    AnonVmaChain,
    /// An anon_vma.
    AnonVma,
    /// `anon_vma->refcount`.
    AnonVmaRefcount,
    /// `subscriptions->lock`.
    SubscriptionsLock,
    /// `active_invalidate_ranges` of an mm's subscriptions.
    ActiveInvalidateRanges,
    /// `invalidate_seq` of an mm's subscriptions, or, from 16 on, of its interval subscriber.
    InvalidateSeq,
    /// Where an mm's interval subscriber is, or, from 16 on, its range.
    IntervalSub,
    /// The lock of the driver whose device mirrors an mm.
    DeviceLock,
    /// An entry of that device: mm * 512 + page of its range.
    DeviceMap,
}

/// The short names under which the objects of each class appear, in the order of [`Class`].
const NAMES: &[&str] = &[
    "irqs",
    "mmap_lock",
    "i_rwsem",
    "i_mmap_rwsem",
    "anon_vma_rwsem",
    "folio_lock",
    "page_table_lock",
    "pml",
    "ptl",
    "xa_lock",
    "mmu_lock",
    "khugepaged_mm_lock",
    "swap_lock",
    "vma_tree",
    "vma",
    "anon_vma",
    "pmd",
    "pte",
    "pt",
    "nr_ptes",
    "rss",
    "refcount",
    "mapcount",
    "entire_mapcount",
    "nr_pages_mapped",
    "flags",
    "mapping",
    "folio",
    "page",
    "content",
    "ptc_anon",
    "ptc_file",
    "ptc",
    "cache",
    "i_size",
    "i_mmap",
    "swap_count",
    "swap_cache",
    "tlb",
    "tlb_gen",
    "notifier_active",
    "notifier_seq",
    "shadow",
    "mm_slot",
    "range",
    "vm_flags",
    "vm_lock",
    "vm_lock_seq",
    "mm_users",
    "mm_count",
    "mm_flags",
    "write_protect_seq",
    "tlb_flush_batched",
    "deposit",
    "pincount",
    "anon_exclusive",
    "lru_batch",
    "invalidate_lock",
    "nrpages",
    "nr_thps",
    "i_blocks",
    "i_writecount",
    "i_private",
    "swap_content",
    "uffd",
    "anon_vma_chain",
    "av",
    "av_refcount",
    "subscriptions_lock",
    "active_invalidate_ranges",
    "invalidate_seq",
    "interval_sub",
    "device_lock",
    "device_map",
];

impl Class {
    /// Object `index` of this class.
    #[inline]
    pub const fn obj(self, index: u32) -> Obj {
        Obj::new(self as u8, index)
    }

    /// Whether `obj` is of this class.
    #[inline]
    pub const fn has(self, obj: Obj) -> bool {
        obj.class() == self as u8
    }
}

/// The name of the object's class.
pub fn class_name(obj: Obj) -> &'static str {
    NAMES.get(usize::from(obj.class())).copied().unwrap_or("object")
}

#[cfg(test)]
mod tests {
    use super::{Class, NAMES};

    #[test]
    fn every_class_has_a_name() {
        assert_eq!(NAMES.len(), Class::DeviceMap as usize + 1);
        assert_eq!(NAMES[Class::Slot as usize], "mm_slot");
        assert_eq!(NAMES[Class::Pte as usize], "pte");
    }
}
