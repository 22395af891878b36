//! The split of a huge PMD entry of anonymous memory: the deposited table is filled with what the entry said, and
//! linked in its place (kernel-semantics section 11.7).

use crate::mm::kernel::Kernel;
use crate::mm::pgtable::PteMap;
use crate::mm::place::ip;
use crate::mm::rmap::RmapFlags;
use crate::mm::types::{FolioId, MmId, Pfn, Pmd, Pte, TableId, Vaddr, VmaId};
use crate::sync::Cpu;

/// What the huge entry said of its pages.
#[derive(Clone, Copy, Debug)]
struct Said {
    page: Pfn,
    write: bool,
    young: bool,
    dirty: bool,
    uffd_wp: bool,
    exclusive: bool,
    /// The PTEs are migration entries.
    migration: bool,
}

impl Kernel {
    /// `__split_huge_pmd_locked` of anonymous memory. pml is held.
    ///
    /// The huge entry is invalidated and flushed first: at no time may the hardware find the page both huge and small.
    /// For software it stays huge, so that nobody takes the place for empty.
    pub(super) fn split_anon_pmd_locked(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        haddr: Vaddr,
        freeze: bool,
    ) {
        let mm = self.vma(vma).spec().mm;
        if self.is_huge_zero_pmd(Pmd(self.pmdp(mm, haddr).read_once(cpu))) {
            return self.split_huge_zero_page_pmd(cpu, vma, haddr);
        }
        let old = (self.steps.huge.split_invalidate)(cpu, self, mm, haddr);
        cpu.pass(ip::spd1);
        let (said, freeze) = self.said_of(cpu, old, freeze);
        let folio = self.folios.of(said.page);
        if !said.migration {
            self.folio_ref_add(cpu, folio, i64::from(self.hpn) - 1);
        }
        let Some(table) = self.pgtable_trans_huge_withdraw(cpu, mm) else { return };
        for i in 0..self.hpn {
            let addr = Vaddr(haddr.0 + i);
            let entry = self.pte_of_split(cpu, vma, addr, i, &said);
            self.fill_split_table(cpu, mm, table, addr, entry);
            cpu.pass(ip::spd2);
        }
        if !old.is_migration() {
            self.folio_remove_rmap_pmd(cpu, folio);
        }
        if freeze {
            self.folio_put(cpu, folio);
        }
        // smp_wmb(): whoever sees the table sees what is in it.
        cpu.pass(ip::spd3);
        self.pmd_populate(cpu, mm, haddr, table);
    }

    /// What the old entry said, and whether the split freezes: a page that may be pinned stays mapped.
    fn said_of(&self, cpu: &Cpu<'_>, old: Pmd, freeze: bool) -> (Said, bool) {
        let page = old.pfn();
        if old.is_migration() {
            let write = old.is_writable_migration();
            let said = Said {
                page,
                write,
                young: old.is_migration_young(),
                dirty: old.is_migration_dirty(),
                uffd_wp: old.is_swp_uffd_wp(),
                exclusive: !write && old.is_exclusive_migration(),
                migration: true,
            };
            // The reference went when the entry came.
            return (said, false);
        }
        let folio: FolioId = self.folios.of(page);
        if old.is_dirty() {
            self.folio_mark_dirty(cpu, folio);
        }
        let exclusive = self.page_anon_exclusive(page);
        let freeze = freeze && (!exclusive || self.page_try_share_anon_rmap(cpu, page));
        let said = Said {
            page,
            write: old.is_write(),
            young: old.is_young(),
            dirty: old.is_dirty(),
            uffd_wp: old.is_uffd_wp(),
            exclusive,
            migration: freeze,
        };
        (said, freeze)
    }

    /// The PTE of the `i`-th page, and its rmap.
    fn pte_of_split(&self, cpu: &Cpu<'_>, vma: VmaId, addr: Vaddr, i: u32, said: &Said) -> Pte {
        let page = Pfn(said.page.0 + i);
        let mut entry = if said.migration {
            let entry = Pte::migration(page, said.write, said.exclusive);
            if said.young { entry.mkyoung() } else { entry }
        } else {
            let entry = self.vma(vma).spec().page_prot().mk_pte(page, said.write);
            (self.steps.huge.split_exclusive)(self, page, said.exclusive);
            self.page_add_anon_rmap(cpu, page, vma, addr, RmapFlags::default());
            if said.young { entry } else { entry.mkold() }
        };
        if said.dirty {
            entry = entry.mkdirty();
        }
        if said.uffd_wp { entry.mkuffd_wp() } else { entry }
    }

    /// `__split_huge_zero_page_pmd`: small zero pages take its place. The entry is empty in between, under pml.
    fn split_huge_zero_page_pmd(&self, cpu: &Cpu<'_>, vma: VmaId, haddr: Vaddr) {
        let spec = self.vma(vma).spec();
        let mm = spec.mm;
        let old = self.pmdp_huge_clear_flush(cpu, mm, haddr);
        cpu.pass(ip::spd1);
        let Some(table) = self.pgtable_trans_huge_withdraw(cpu, mm) else { return };
        let zero = spec.page_prot().modify_pte(Pte::zero_page());
        let entry = if old.is_uffd_wp() { zero.mkuffd_wp() } else { zero };
        for i in 0..self.hpn {
            self.fill_split_table(cpu, mm, table, Vaddr(haddr.0 + i), entry);
            cpu.pass(ip::spd2);
        }
        cpu.pass(ip::spd3);
        self.pmd_populate(cpu, mm, haddr, table);
    }

    /// Sets an entry of the table that nobody else knows yet.
    fn fill_split_table(&self, cpu: &Cpu<'_>, mm: MmId, table: TableId, addr: Vaddr, entry: Pte) {
        let pte = PteMap { table };
        let none = self.ptep_get(cpu, pte, addr).is_none();
        cpu.vm_bug_on(!none, "a deposited table is not empty");
        self.set_pte_at(cpu, mm, pte, addr, entry);
    }
}

/// Does not invalidate the entry.
pub(in crate::mm) fn leave_valid(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, haddr: Vaddr) -> Pmd {
    Pmd(k.pmdp(mm, haddr).read_once(cpu))
}

/// Invalidates the entry, and does not flush.
pub(in crate::mm) fn invalidate_only(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, haddr: Vaddr) -> Pmd {
    let now = Pmd(k.pmdp(mm, haddr).read_once(cpu));
    k.pmdp_establish(cpu, mm, haddr, now.mkinvalid())
}

/// PG_anon_exclusive of the huge page becomes that of each of its pages.
pub(in crate::mm) fn keep_exclusive(k: &Kernel, page: Pfn, exclusive: bool) {
    if exclusive {
        k.page(page).anon_exclusive.poke(1);
    }
}
