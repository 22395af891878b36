//! What can be seen of the machine from outside, without a step: for oracles, tests and reports
//! (kernel-semantics section 13).

use super::folio::flags;
use super::kernel::Kernel;
use super::types::{MmId, Pfn, Pte, Rss, Vaddr, ZERO_PFN};

/// A base page, and a page table, in kB.
const PAGE_KB: i64 = 4;

/// The memory lines of `/proc/PID/status`, in kB.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Status {
    /// RssAnon.
    pub rss_anon: i64,
    /// RssFile.
    pub rss_file: i64,
    /// RssShmem.
    pub rss_shmem: i64,
    /// VmSwap.
    pub vm_swap: i64,
    /// VmPTE, less the upper levels, which are never freed here.
    pub vm_pte: i64,
}

impl Status {
    /// VmRSS.
    pub fn vm_rss(&self) -> i64 {
        self.rss_anon + self.rss_file + self.rss_shmem
    }
}

/// The lines of `/proc/meminfo` that are about huge pages and page tables, in kB.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Meminfo {
    /// AnonHugePages: mapped by a PMD entry at least once.
    pub anon_huge_pages: i64,
    /// ShmemHugePages: in a page cache of shmem, mapped or not.
    pub shmem_huge_pages: i64,
    /// ShmemPmdMapped.
    pub shmem_pmd_mapped: i64,
    /// FileHugePages.
    pub file_huge_pages: i64,
    /// FilePmdMapped.
    pub file_pmd_mapped: i64,
    /// PageTables.
    pub page_tables: i64,
}

/// An entry of `/proc/kpageflags`, with the kernel's own bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KpageFlags(pub u64);

impl KpageFlags {
    /// KPF_LOCKED.
    pub const LOCKED: u64 = 1 << 0;
    /// KPF_UPTODATE.
    pub const UPTODATE: u64 = 1 << 3;
    /// KPF_DIRTY.
    pub const DIRTY: u64 = 1 << 4;
    /// KPF_LRU.
    pub const LRU: u64 = 1 << 5;
    /// KPF_MMAP.
    pub const MMAP: u64 = 1 << 11;
    /// KPF_ANON.
    pub const ANON: u64 = 1 << 12;
    /// KPF_SWAPCACHE.
    pub const SWAPCACHE: u64 = 1 << 13;
    /// KPF_SWAPBACKED.
    pub const SWAPBACKED: u64 = 1 << 14;
    /// KPF_COMPOUND_HEAD.
    pub const COMPOUND_HEAD: u64 = 1 << 15;
    /// KPF_COMPOUND_TAIL.
    pub const COMPOUND_TAIL: u64 = 1 << 16;
    /// KPF_THP.
    pub const THP: u64 = 1 << 22;
    /// KPF_ZERO_PAGE.
    pub const ZERO_PAGE: u64 = 1 << 24;

    /// Whether all of these are set.
    pub fn has(self, bits: u64) -> bool {
        self.0 & bits == bits
    }
}

impl Kernel {
    /// What the page tables say of an address: the frame, and whether it may be written to. `None`: nothing that the
    /// hardware could use.
    pub fn peek_translation(&self, mm: MmId, addr: Vaddr) -> Option<(Pfn, bool)> {
        let pmd = self.peek_pmd(mm, addr);
        if pmd.is_trans_huge() {
            let pfn = Pfn(pmd.pfn().0 + addr.0 % self.hpn);
            return pmd.access_permitted(false).then_some((pfn, pmd.is_write()));
        }
        let table = pmd.pgtable().filter(|&id| pmd.is_table() && self.tables.is_valid(id))?;
        let pte = Pte(self.tables.get(table).entry(addr.0).peek());
        pte.access_permitted(false).then(|| (pte.pfn(), pte.is_write()))
    }

    /// Whether the page tables have this frame there, out of reach of the hardware: PROT_NONE, or a NUMA hint.
    pub fn peek_protnone(&self, mm: MmId, addr: Vaddr, pfn: Pfn) -> bool {
        let pmd = self.peek_pmd(mm, addr);
        if pmd.is_trans_huge() {
            return pmd.is_protnone() && pmd.pfn().0 + addr.0 % self.hpn == pfn.0;
        }
        let table = pmd.pgtable().filter(|&id| pmd.is_table() && self.tables.is_valid(id));
        let pte = table.map(|table| Pte(self.tables.get(table).entry(addr.0).peek()));
        pte.is_some_and(|pte| pte.is_protnone() && pte.pfn() == pfn)
    }

    /// Whether the page tables map this frame there, for writing if need be.
    pub fn peek_maps(&self, mm: MmId, addr: Vaddr, pfn: Pfn, write: bool) -> bool {
        self.peek_translation(mm, addr)
            .is_some_and(|(found, writable)| found == pfn && (writable || !write))
    }

    /// `/proc/PID/status`. Exact: the counters are not batched by CPU here.
    pub fn status(&self, mm: MmId) -> Status {
        let mm = self.mm(mm);
        let kb = |which: Rss| mm.rss[which as usize].peek() as i64 * PAGE_KB;
        Status {
            rss_anon: kb(Rss::Anon),
            rss_file: kb(Rss::File),
            rss_shmem: kb(Rss::Shmem),
            vm_swap: kb(Rss::Swap),
            vm_pte: mm.nr_ptes.peek() as i64 * PAGE_KB,
        }
    }

    /// `/proc/meminfo`, counted afresh.
    pub fn meminfo(&self) -> Meminfo {
        let huge = i64::from(self.hpn) * PAGE_KB;
        let mut info = Meminfo::default();
        for id in self.folios.touched().filter(|&id| self.folios.is_large(id)) {
            let folio = self.folio(id);
            let pmd_mapped = folio.entire_mapcount.peek() as i64 >= 0;
            let (cached, mapped) = if folio.is_anon() {
                (None, &mut info.anon_huge_pages)
            } else if folio.has(flags::SWAPBACKED) {
                (Some(&mut info.shmem_huge_pages), &mut info.shmem_pmd_mapped)
            } else {
                (Some(&mut info.file_huge_pages), &mut info.file_pmd_mapped)
            };
            if pmd_mapped {
                *mapped += huge;
            }
            if let Some(cached) = cached.filter(|_| folio.peek_mapping() != super::Mapping::None) {
                *cached += huge;
            }
        }
        info.page_tables = self.mms.iter().map(|mm| mm.nr_ptes.peek() as i64 * PAGE_KB).sum();
        info
    }

    /// `/proc/kpagecount`: the entries that map a page, those of its folio included.
    pub fn kpagecount(&self, pfn: Pfn) -> i64 {
        let folio = self.folios.of(pfn);
        let entire = if self.folios.is_large(folio) {
            self.folio(folio).entire_mapcount.peek() as i64 + 1
        } else {
            0
        };
        self.page(pfn).mapcount.peek() as i64 + 1 + entire
    }

    /// `/proc/kpageflags`.
    pub fn kpageflags(&self, pfn: Pfn) -> KpageFlags {
        let id = self.folios.of(pfn);
        let (folio, large) = (self.folio(id), self.folios.is_large(id));
        let head = self.folios.head(id) == pfn;
        let bits = [
            (folio.lock.is_locked(), KpageFlags::LOCKED),
            (folio.has(flags::UPTODATE), KpageFlags::UPTODATE),
            (folio.has(flags::DIRTY), KpageFlags::DIRTY),
            (folio.has(flags::LRU), KpageFlags::LRU),
            (self.kpagecount(pfn) > 0, KpageFlags::MMAP),
            (folio.is_anon(), KpageFlags::ANON),
            (folio.has(flags::SWAPCACHE), KpageFlags::SWAPCACHE),
            (folio.has(flags::SWAPBACKED), KpageFlags::SWAPBACKED),
            (large, KpageFlags::THP),
            (large && head, KpageFlags::COMPOUND_HEAD),
            (large && !head, KpageFlags::COMPOUND_TAIL),
            (pfn == ZERO_PFN, KpageFlags::ZERO_PAGE),
        ];
        KpageFlags(bits.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum())
    }
}
