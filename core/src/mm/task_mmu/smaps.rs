//! `/proc/PID/smaps`: what a VMA costs (kernel-semantics section 13.2).

use crate::mm::folio::flags;
use crate::mm::kernel::Kernel;
use crate::mm::pagewalk::Walked;
use crate::mm::pgtable::PteMap;
use crate::mm::place::func;
use crate::mm::types::{MmId, Pfn, Pmd, Pte, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::{Cpu, What};

/// A base page in kB.
const PAGE_KB: u64 = 4;
/// PSS_SHIFT: how finely shares of a page are counted.
const PSS_SHIFT: u32 = 12;

/// One entry of smaps. All sizes in kB, but for the shares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Smaps {
    /// Size.
    pub size: u64,
    /// Rss.
    pub rss: u64,
    /// Pss, in kB << 12: see [`Smaps::pss_kb`].
    pub pss: u64,
    /// Shared_Clean.
    pub shared_clean: u64,
    /// Shared_Dirty.
    pub shared_dirty: u64,
    /// Private_Clean.
    pub private_clean: u64,
    /// Private_Dirty.
    pub private_dirty: u64,
    /// Referenced.
    pub referenced: u64,
    /// Anonymous.
    pub anonymous: u64,
    /// LazyFree.
    pub lazyfree: u64,
    /// AnonHugePages.
    pub anon_huge_pages: u64,
    /// ShmemPmdMapped.
    pub shmem_pmd_mapped: u64,
    /// FilePmdMapped.
    pub file_pmd_mapped: u64,
    /// Swap.
    pub swap: u64,
    /// SwapPss, in kB << 12.
    pub swap_pss: u64,
    /// Locked, in kB << 12.
    pub locked: u64,
    /// VmFlags.
    pub flags: VmFlags,
}

/// What is known of a page from its entry.
#[derive(Clone, Copy, Debug)]
struct Seen {
    page: Pfn,
    young: bool,
    dirty: bool,
    migration: bool,
}

impl Smaps {
    /// Pss in kB, as it is shown.
    pub fn pss_kb(&self) -> u64 {
        self.pss >> PSS_SHIFT
    }

    /// What `check_huge` of the selftests adds up.
    pub fn huge(&self) -> u64 {
        self.anon_huge_pages + self.shmem_pmd_mapped + self.file_pmd_mapped
    }
}

impl Kernel {
    /// `show_smap`: the VMA at `addr`. Takes mmap_lock for read. `None`: nothing is mapped there.
    pub fn smaps(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> Option<Smaps> {
        self.mmap_read_lock(cpu, mm);
        let vma = self.vma_lookup(cpu, mm, addr);
        let smaps = vma.map(|vma| self.smap_gather_stats(cpu, vma));
        self.mmap_read_unlock(cpu, mm);
        smaps
    }

    /// `smap_gather_stats`. mmap_lock is held.
    fn smap_gather_stats(&self, cpu: &Cpu<'_>, vma: VmaId) -> Smaps {
        let _f = cpu.enter(func::smaps_pte_range);
        let spec = self.vma(vma).spec();
        let size = u64::from(spec.pages()) * PAGE_KB;
        let mut mss = Smaps { size, flags: spec.flags, ..Smaps::default() };
        self.walk_page_range(cpu, spec.mm, spec.start, spec.end, |addr, end, walked| {
            let before = mss.rss;
            match walked {
                Walked::Hole => {}
                Walked::Huge(pmd) => self.smaps_pmd_entry(cpu, &mut mss, pmd),
                Walked::Table(pte) => {
                    for addr in (addr.0..end.0).map(Vaddr) {
                        self.smaps_pte_entry(cpu, &mut mss, pte, addr);
                    }
                }
            }
            let resident = ((mss.rss - before) / PAGE_KB) as u32;
            let (mm, start, pages) = (spec.mm.0, addr.0, end.0 - addr.0);
            cpu.note(What::Counted { mm, start, pages, resident });
        });
        mss
    }

    /// `smaps_pmd_entry`.
    fn smaps_pmd_entry(&self, cpu: &Cpu<'_>, mss: &mut Smaps, pmd: Pmd) {
        // vm_normal_page_pmd(): the huge zero page is nobody's.
        let normal = pmd.is_trans_huge() && !self.is_huge_zero_pmd(pmd);
        if !(normal || pmd.is_migration()) || !self.folios.is_valid(pmd.pfn()) {
            return;
        }
        let folio = self.folio_of(pmd.pfn());
        let thp = if folio.is_anon() {
            &mut mss.anon_huge_pages
        } else if folio.has(flags::SWAPBACKED) {
            &mut mss.shmem_pmd_mapped
        } else {
            &mut mss.file_pmd_mapped
        };
        *thp += u64::from(self.hpn) * PAGE_KB;
        let (young, dirty) = (pmd.is_young(), pmd.is_dirty());
        let seen = Seen { page: pmd.pfn(), young, dirty, migration: pmd.is_migration() };
        self.smaps_account(cpu, mss, seen, self.hpn);
    }

    /// `smaps_pte_entry`.
    fn smaps_pte_entry(&self, cpu: &Cpu<'_>, mss: &mut Smaps, pte: PteMap, addr: Vaddr) {
        let entry: Pte = self.ptep_get(cpu, pte, addr);
        if let Some(slot) = entry.swap_slot() {
            mss.swap += PAGE_KB;
            let users = self.swap.slot(slot).count.read_once(cpu).max(1);
            mss.swap_pss += (PAGE_KB << PSS_SHIFT) / users;
            return;
        }
        let migration = entry.is_migration();
        let page = Some(entry).filter(|entry| entry.is_present() || migration);
        let Some(page) = page.and_then(|entry| self.vm_normal_page(entry)) else { return };
        let seen = Seen { page, young: entry.is_young(), dirty: entry.is_dirty(), migration };
        self.smaps_account(cpu, mss, seen, 1);
    }

    /// `smaps_account`, of a page or (`pages` > 1) of a huge one.
    fn smaps_account(&self, cpu: &Cpu<'_>, mss: &mut Smaps, seen: Seen, pages: u32) {
        let folio = self.folio_of(seen.page);
        let size = u64::from(pages) * PAGE_KB;
        let dirty = seen.dirty || folio.has(flags::DIRTY);
        if folio.is_anon() {
            mss.anonymous += size;
            if !folio.has(flags::SWAPBACKED) && !dirty {
                mss.lazyfree += size;
            }
        }
        mss.rss += size;
        if seen.young {
            mss.referenced += size;
        }
        // Whoever holds the only reference is the entry: its mapcount can only be 1.
        if folio.refcount.read_once(cpu) == 1 || seen.migration {
            accumulate(mss, size, size << PSS_SHIFT, dirty, true);
            return;
        }
        for page in (seen.page.0..seen.page.0 + pages).map(Pfn) {
            let mapcount = self.page_mapcount(cpu, page).max(1) as u64;
            accumulate(mss, PAGE_KB, (PAGE_KB << PSS_SHIFT) / mapcount, dirty, mapcount < 2);
        }
    }

    /// `page_mapcount`: the PTEs that map a page, and the PMDs that map its folio. Not one instant's: the two are read one
    /// after the other.
    pub(in crate::mm) fn page_mapcount(&self, cpu: &Cpu<'_>, page: Pfn) -> i64 {
        let folio = self.folios.of(page);
        let entire = match self.folios.is_large(folio) {
            true => self.folio(folio).entire_mapcount.read_once(cpu) as i64 + 1,
            false => 0,
        };
        self.page(page).mapcount.read_once(cpu) as i64 + 1 + entire
    }
}

/// `smaps_page_accumulate`.
fn accumulate(mss: &mut Smaps, size: u64, pss: u64, dirty: bool, private: bool) {
    mss.pss += pss;
    if mss.flags.has(VmFlags::LOCKED) {
        mss.locked += pss;
    }
    let of_kind = match (dirty, private) {
        (true, true) => &mut mss.private_dirty,
        (true, false) => &mut mss.shared_dirty,
        (false, true) => &mut mss.private_clean,
        (false, false) => &mut mss.shared_clean,
    };
    *of_kind += size;
}
