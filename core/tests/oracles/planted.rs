//! Faults that are not the absence of a protection: each is a step of the kernel with an error in it.

use racewalk::mm::khugepaged::{ScanResult, locks};
use racewalk::mm::pgtable::{Lockptr, PteMap};
use racewalk::mm::steps::Steps;
use racewalk::mm::{FolioId, GupHeld, Mapping, Pte, TtuFlags, mmf};

/// A collapse puts an entry back into the table that it has unlinked.
pub(crate) fn write_after_unlink(s: &mut Steps) {
    s.flush_late = |cpu, k, c| {
        let Some(table) = c.pgt_pmd.pgtable() else { return };
        let entry = Pte::present(k.folios.head(c.hpage), false);
        k.set_pte_at(cpu, c.mm, PteMap { table }, c.haddr, entry);
    };
}

/// The lock of a table is looked up by a PMD entry that is read again, when the table is gone.
pub(crate) fn lock_of_an_empty_entry(s: &mut Steps) {
    s.notify_end_early = |cpu, k, c| {
        let pmd = k.pmdp_get_lockless(cpu, c.mm, c.haddr);
        _ = k.pte_lockptr(cpu, c.mm, pmd);
    };
}

/// MADV_COLLAPSE holds i_mmap_rwsem around the collapse.
pub(crate) fn i_mmap_around_the_collapse(s: &mut Steps) {
    s.collapse_locked = |cpu, k, mm, haddr, result| {
        let (mmap_lock, i_mmap) = (&k.mm(mm).mmap_lock, &k.files[0].i_mmap_rwsem);
        mmap_lock.down_read(cpu);
        i_mmap.down_read(cpu);
        *result = k.collapse_pte_mapped_thp(cpu, mm, haddr, true);
        i_mmap.up_read(cpu);
        mmap_lock.up_read(cpu);
        false
    };
}

/// The huge page is unlocked twice.
pub(crate) fn hpage_unlocked_twice(s: &mut Steps) {
    s.unlock_hpage = |cpu, k, c| {
        locks::unlock_hpage(cpu, k, c);
        k.folio(c.hpage).lock.unlock(cpu);
    };
}

/// MADV_COLLAPSE says that it has collapsed, and has not.
pub(crate) fn success_without_a_collapse(s: &mut Steps) {
    s.collapse_locked = |_, _, _, _, result| {
        *result = ScanResult::Succeed;
        false
    };
}

/// An entry comes that page_table_check is not told of, and goes with its knowledge.
pub(crate) fn entry_kept_from_the_checker(s: &mut Steps) {
    s.notify_after_clear = |cpu, k, c| {
        let table = k.pmdp_get_lockless(cpu, c.mm, c.haddr).pgtable();
        let entry = Pte::present(k.folios.head(c.hpage), false);
        if let Some(table) = table {
            let ptl = k.lock(Lockptr::PteTable(table));
            ptl.lock(cpu);
            k.tables.get(table).entry(c.haddr.0).poke(entry.0);
            k.ptep_get_and_clear(cpu, c.mm, PteMap { table }, c.haddr);
            ptl.unlock(cpu);
        }
    };
}

/// GUP-fast counts a pin twice.
pub(crate) fn pinned_once_more(s: &mut Steps) {
    s.gup_pin_seq_retry = |cpu, k, _, _| {
        let pinned = |id: &FolioId| k.folio(*id).pincount.peek() != 0;
        if let Some(id) = k.folios.touched().find(pinned) {
            k.folio(id).pincount.add_return(cpu, 1);
        }
        false
    };
}

/// A collapse gives back a reference that GUP has.
pub(crate) fn reference_of_somebody_else(s: &mut Steps) {
    s.put_hpage = |cpu, k, c| {
        locks::put_hpage(cpu, k, c);
        if let Some(held) = k.gup_held.iter().flat_map(GupHeld::iter).next() {
            k.folio_put(cpu, k.folios.of(held.pfn));
        }
    };
}

/// Reclaim counts a swap slot once more than it has entries.
pub(crate) fn swap_slot_counted_once_more(s: &mut Steps) {
    s.reclaim_flush = |cpu, k| {
        k.try_to_unmap_flush(cpu);
        if let Some((_, slot)) = k.swap.touched().find(|(_, slot)| slot.count.peek() != 0) {
            slot.count.add_return(cpu, 1);
        }
    };
}

/// A migration unlocks its folio while there are migration entries of it.
pub(crate) fn unlocked_during_migration(s: &mut Steps) {
    s.migrate_flush = |cpu, k| {
        k.try_to_unmap_flush(cpu);
        for id in k.folios.touched() {
            let folio = k.folio(id);
            if cpu.held().holds(folio.lock.obj()) && folio.peek_mapping() != Mapping::None {
                folio.lock.unlock(cpu);
            }
        }
    };
}

/// The huge page is mapped by migration entries, and nobody migrates it.
pub(crate) fn migration_never_removed(s: &mut Steps) {
    s.fast_look = |_, _, _, _| Ok(ScanResult::Succeed);
    s.step1_check = |_, _, _| Err(ScanResult::Fail);
    s.unlock_hpage = |cpu, k, c| {
        k.try_to_migrate(cpu, c.hpage, TtuFlags::default());
        locks::unlock_hpage(cpu, k, c);
    };
}

/// The inode is charged for one page less than it gets.
pub(crate) fn holes_charged_too_little(s: &mut Steps) {
    s.file.charge_holes = |cpu, k, c| {
        (Steps::V66.file.charge_holes)(cpu, k, c);
        k.files[c.file.idx()].alloced.add_return(cpu, -1);
    };
}

/// The mm forgets that khugepaged knows it.
pub(crate) fn khugepaged_flag_lost(s: &mut Steps) {
    s.put_hpage = |cpu, k, c| {
        locks::put_hpage(cpu, k, c);
        k.mm(c.mm).flags.change_bits(cpu, 0, mmf::VM_HUGEPAGE);
    };
}

/// Somebody holds on to an mm_struct for ever.
pub(crate) fn mm_grabbed_once_more(s: &mut Steps) {
    s.put_hpage = |cpu, k, c| {
        locks::put_hpage(cpu, k, c);
        k.mmgrab(cpu, c.mm);
    };
}

/// A gather is begun and not finished.
pub(crate) fn gather_forgotten(s: &mut Steps) {
    s.put_hpage = |cpu, k, c| {
        locks::put_hpage(cpu, k, c);
        _ = k.tlb_gather_mmu(cpu, c.mm);
    };
}

/// The model itself breaks.
pub(crate) fn the_model_panics(s: &mut Steps) {
    s.put_hpage = |_, _, _| panic!("planted");
}
