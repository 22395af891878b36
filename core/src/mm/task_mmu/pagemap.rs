//! `/proc/PID/pagemap`: a word for each page (kernel-semantics section 13.3).

use std::fmt;

use crate::mm::kernel::Kernel;
use crate::mm::pagewalk::Walked;
use crate::mm::place::func;
use crate::mm::types::{MmId, Pfn, Pmd, Pte, Vaddr};
use crate::sync::Cpu;

/// An entry of pagemap, as somebody with CAP_SYS_ADMIN reads it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct PagemapEntry(pub u64);

const PFN: u64 = (1 << 55) - 1;
const MMAP_EXCLUSIVE: u64 = 1 << 56;
const UFFD_WP: u64 = 1 << 57;
const FILE: u64 = 1 << 61;
const SWAP: u64 = 1 << 62;
const PRESENT: u64 = 1 << 63;
/// MAX_SWAPFILES_SHIFT: below the offset stands the type of a swap entry.
const SWAP_TYPE_SHIFT: u32 = 5;

impl PagemapEntry {
    /// PM_PRESENT: a page is mapped.
    pub fn is_present(self) -> bool {
        self.0 & PRESENT != 0
    }

    /// PM_SWAP: swapped out; also a migration entry or a marker.
    pub fn is_swapped(self) -> bool {
        self.0 & SWAP != 0
    }

    /// PM_FILE: not anonymous.
    pub fn is_file(self) -> bool {
        self.0 & FILE != 0
    }

    /// PM_MMAP_EXCLUSIVE: nothing else maps the page.
    pub fn is_exclusive(self) -> bool {
        self.0 & MMAP_EXCLUSIVE != 0
    }

    /// PM_UFFD_WP.
    pub fn is_uffd_wp(self) -> bool {
        self.0 & UFFD_WP != 0
    }

    /// The frame, of a page that is present.
    pub fn pfn(self) -> Option<Pfn> {
        self.is_present().then_some(Pfn((self.0 & PFN) as u32))
    }

    /// The offset of what is swapped.
    pub fn swap_offset(self) -> Option<u64> {
        self.is_swapped().then_some((self.0 & PFN) >> SWAP_TYPE_SHIFT)
    }
}

impl fmt::Debug for PagemapEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = [
            (PRESENT, "present"),
            (SWAP, "swap"),
            (FILE, "file"),
            (UFFD_WP, "uffd_wp"),
            (MMAP_EXCLUSIVE, "exclusive"),
        ];
        write!(f, "{:#x}", self.0 & PFN)?;
        bits.iter()
            .filter(|(bit, _)| self.0 & bit != 0)
            .try_for_each(|(_, name)| write!(f, " {name}"))
    }
}

fn bit(set: bool, bit: u64) -> u64 {
    if set { bit } else { 0 }
}

impl Kernel {
    /// `pagemap_read`: the entries of the pages from `start` on. Takes mmap_lock for read, anew for each huge unit.
    pub fn pagemap(&self, cpu: &Cpu<'_>, mm: MmId, start: Vaddr, entries: &mut [PagemapEntry]) {
        let _f = cpu.enter(func::pagemap_pmd_range);
        entries.fill(PagemapEntry::default());
        let end = Vaddr(start.0 + entries.len() as u32);
        let mut addr = start;
        while addr < end {
            let next = Vaddr((self.haddr(addr).0 + self.hpn).min(end.0));
            self.mmap_read_lock(cpu, mm);
            let tree = self.mm(mm).vma_tree.read_once(cpu);
            for vma in self.vmas_of(tree) {
                let spec = self.vma(vma).spec();
                let (from, to) = (spec.start.max(addr), spec.end.min(next));
                self.walk_page_range(cpu, mm, from, to, |addr, end, walked| {
                    let part = (addr.0 - start.0) as usize..(end.0 - start.0) as usize;
                    self.pagemap_pmd_range(cpu, addr, walked, &mut entries[part]);
                });
            }
            self.mmap_read_unlock(cpu, mm);
            addr = next;
        }
    }

    /// `pagemap_pmd_range`. A hole stays empty.
    fn pagemap_pmd_range(
        &self,
        cpu: &Cpu<'_>,
        addr: Vaddr,
        walked: Walked,
        entries: &mut [PagemapEntry],
    ) {
        match walked {
            Walked::Hole => {}
            Walked::Huge(pmd) => {
                let first = self.pmd_to_pagemap_entry(cpu, addr, pmd);
                let step = if pmd.is_present() { 1 } else { 1 << SWAP_TYPE_SHIFT };
                for (n, entry) in (0..).zip(entries) {
                    *entry = PagemapEntry(first.0 + n * step);
                }
            }
            Walked::Table(pte) => {
                for (n, entry) in (0..).zip(entries) {
                    let value = self.ptep_get(cpu, pte, Vaddr(addr.0 + n));
                    *entry = self.pte_to_pagemap_entry(cpu, value);
                }
            }
        }
    }

    /// The huge part of `pagemap_pmd_range`: the entry of the page at `addr`, from which the others follow.
    fn pmd_to_pagemap_entry(&self, cpu: &Cpu<'_>, addr: Vaddr, pmd: Pmd) -> PagemapEntry {
        let offset = u64::from(addr.0 % self.hpn);
        let frame = u64::from(pmd.pfn().0) + offset;
        let kind = if pmd.is_present() {
            frame | PRESENT | bit(pmd.is_uffd_wp(), UFFD_WP)
        } else {
            cpu.vm_bug_on(!pmd.is_migration(), "a swap PMD that is not a migration entry");
            frame << SWAP_TYPE_SHIFT | SWAP | bit(pmd.is_swp_uffd_wp(), UFFD_WP)
        };
        PagemapEntry(kind | self.page_bits(cpu, Some(pmd.pfn()), pmd.is_migration()))
    }

    /// `pte_to_pagemap_entry`.
    fn pte_to_pagemap_entry(&self, cpu: &Cpu<'_>, pte: Pte) -> PagemapEntry {
        if pte.is_none() {
            return PagemapEntry::default();
        }
        if pte.is_present() {
            let kind = u64::from(pte.pfn().0) | PRESENT | bit(pte.is_uffd_wp(), UFFD_WP);
            return PagemapEntry(kind | self.page_bits(cpu, self.vm_normal_page(pte), false));
        }
        let offset = match pte.swap_slot() {
            Some(slot) => u64::from(slot.0),
            None => u64::from(pte.pfn().0),
        };
        let wp = pte.is_swp_uffd_wp() || pte.is_uffd_wp_marker();
        let page = (pte.is_migration() || pte.is_hwpoison()).then(|| pte.pfn());
        let kind = offset << SWAP_TYPE_SHIFT & PFN | SWAP | bit(wp, UFFD_WP);
        PagemapEntry(kind | self.page_bits(cpu, page, pte.is_migration()))
    }

    /// What the page itself has to say.
    fn page_bits(&self, cpu: &Cpu<'_>, page: Option<Pfn>, migration: bool) -> u64 {
        let Some(page) = page.filter(|&page| self.folios.is_valid(page)) else { return 0 };
        let file = !self.folio_of(page).is_anon();
        let exclusive = !migration && self.page_mapcount(cpu, page) == 1;
        bit(file, FILE) | bit(exclusive, MMAP_EXCLUSIVE)
    }
}
