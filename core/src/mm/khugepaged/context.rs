//! The local variables of `collapse_pte_mapped_thp`, so that its steps can be replaced one by one.

use crate::mm::kernel::Kernel;
use crate::mm::pgtable::{Lockptr, PteMap};
use crate::mm::types::{FileId, FolioId, MmId, Pfn, Pmd, Vaddr, VmaId};
use crate::sync::Cpu;

use super::ScanResult;

/// A collapse in flight.
#[derive(Debug)]
pub struct Collapse {
    /// Whose page table.
    pub mm: MmId,
    /// The first page of the range.
    pub haddr: Vaddr,
    /// The VMA that was found there.
    pub vma: VmaId,
    /// Its file.
    pub file: FileId,
    /// The huge page, with a reference.
    pub hpage: FolioId,
    /// Whether the folio lock is held.
    pub hpage_locked: bool,
    /// Whether a huge PMD is to be installed at the end.
    pub install_pmd: bool,
    /// What the last look at the PMD entry said.
    pub found: ScanResult,
    /// The mapped table.
    pub start_pte: Option<PteMap>,
    /// The lock of the table.
    pub ptl: Option<Lockptr>,
    /// Whether pml was taken before step 2, and both locks are kept until the end of step 4.
    pub early_pml: bool,
    /// The page-table locks that are held, in the order in which they were taken.
    pub held: [Option<Lockptr>; 2],
    /// Whether an invalidation range is open.
    pub notified: bool,
    /// PTEs that were cleared.
    pub nr_ptes: u32,
    /// The entry that linked the table.
    pub pgt_pmd: Pmd,
}

impl Collapse {
    pub(super) fn new(
        mm: MmId,
        haddr: Vaddr,
        vma: VmaId,
        file: FileId,
        install_pmd: bool,
    ) -> Collapse {
        Collapse {
            mm,
            haddr,
            vma,
            file,
            hpage: FolioId(0),
            hpage_locked: false,
            install_pmd,
            found: ScanResult::Fail,
            start_pte: None,
            ptl: None,
            early_pml: false,
            held: [None; 2],
            notified: false,
            nr_ptes: 0,
            pgt_pmd: Pmd::NONE,
        }
    }

    /// The frame of subpage `i`.
    pub fn subpage(&self, kernel: &Kernel, i: u32) -> Pfn {
        Pfn(kernel.folios.head(self.hpage).0 + i)
    }

    /// The address of entry `i`.
    pub fn addr(&self, i: u32) -> Vaddr {
        Vaddr(self.haddr.0 + i)
    }

    /// Whether this page-table lock is held.
    pub(super) fn holds(&self, lock: Lockptr) -> bool {
        self.held.contains(&Some(lock))
    }

    /// Takes a page-table lock and remembers it.
    pub(super) fn take(&mut self, cpu: &Cpu<'_>, kernel: &Kernel, lock: Lockptr) {
        let nested = self.held[0].is_some();
        if nested {
            kernel.lock(lock).lock_nested(cpu)
        } else {
            kernel.lock(lock).lock(cpu)
        }
        self.held[usize::from(nested)] = Some(lock);
    }

    /// Releases the page-table locks that are held, last first.
    pub(super) fn release(&mut self, cpu: &Cpu<'_>, kernel: &Kernel) {
        for lock in self.held.iter_mut().rev().filter_map(Option::take) {
            kernel.lock(lock).unlock(cpu);
        }
    }
}
