//! `collapse_file` before page tables could be retracted without mmap_lock (kernel-semantics 9.5, last lines).
//!
//! The huge page is put into the page cache page by page, while the old pages are gathered: locked, and not up to date.
//! Old pages are frozen, so that nobody can get a reference to one that was found before. A failure puts everything back.

use super::run::{CollapseFile, create_range};
use crate::mm::filemap::Slot;
use crate::mm::folio::{Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::ScanResult;
use crate::mm::place::ip;
use crate::mm::types::FolioId;
use crate::sync::Cpu;

/// Whether the old page could be frozen: the pin, the cache's reference and the isolation's were all there were.
pub(in crate::mm) fn freeze(cpu: &Cpu<'_>, k: &Kernel, folio: FolioId) -> bool {
    k.folio_ref_freeze(cpu, folio, 3)
}

/// A hole gets the huge page, and is charged. xa_lock is held.
pub(in crate::mm) fn fill_hole(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile, index: u32) {
    k.mapping(c.file).nrpages.add_return(cpu, 1);
    k.shmem_recalc_inode(cpu, c.file, 1);
    store(cpu, k, c, index, Slot::Folio(c.hpage));
}

/// The old page, which is frozen, makes room for the huge page. xa_lock is held.
pub(in crate::mm) fn replace_page(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile, old: FolioId) {
    store(cpu, k, c, k.folio(old).index(), Slot::Folio(c.hpage));
}

/// Stores a slot; the references of the folios that come and go are owed.
fn store(cpu: &Cpu<'_>, k: &Kernel, c: &CollapseFile, index: u32, slot: Slot) {
    let mapping = k.mapping(c.file);
    if let Slot::Folio(gone) = mapping.slot(index) {
        cpu.debts.owe(k.folio(gone).refcount.obj(), -1);
    }
    if let Slot::Folio(new) = slot {
        cpu.debts.owe(k.folio(new).refcount.obj(), 1);
    }
    mapping.store(cpu, index, slot);
}

/// Everything that can fail, and the copy, which cannot.
pub(in crate::mm) fn stages(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) -> ScanResult {
    if !create_range(cpu, k, c) {
        return ScanResult::Fail;
    }
    let result = k.gather_pages(cpu, c);
    (k.steps.file.flush)(cpu, k);
    cpu.pass(ip::cf5);
    if result != ScanResult::Succeed {
        return result;
    }
    // Nobody can map the huge page before it is unlocked: so it is filled only now.
    let head = k.folios.head(c.hpage).0;
    for i in 0..k.hpn {
        let old = c.pagelist.iter().copied().find(|&old| k.folio(old).index() == c.start + i);
        let content = match old {
            Some(old) => {
                cpu.pass(ip::cf6);
                k.page(k.folios.head(old)).content.read_once(cpu)
            }
            None => 0,
        };
        k.page(crate::mm::types::Pfn(head + i)).content.poke(content);
        if let Some(old) = old {
            k.folio(old).set_mapping(cpu, Mapping::None);
            k.folio(old).flags.poke_bits(0, flags::DIRTY);
            k.folio_ref_unfreeze(cpu, old, 1);
            (k.steps.file.unlock_old)(cpu, k, old);
            k.folio_put(cpu, old);
        }
    }
    (k.steps.file.mark_uptodate)(cpu, k, c);
    k.folio_ref_add(cpu, c.hpage, i64::from(k.hpn) - 1);
    if !k.mapping(c.file).regular {
        k.folio(c.hpage).flags.poke_bits(flags::DIRTY, 0);
    }
    k.folio_add_lru(cpu, c.hpage);
    result
}

/// The page cache gets its pages and holes back, as far as it had lost them.
pub(in crate::mm) fn rollback(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile, _: ScanResult) {
    let mapping = k.mapping(c.file);
    mapping.xa_lock.lock(cpu);
    if c.nr_none > 0 {
        (k.steps.file.uncharge_holes)(cpu, k, c);
    }
    for index in c.start..c.gathered {
        let old = c.pagelist.iter().copied().find(|&old| k.folio(old).index() == index);
        let Some(old) = old else {
            store(cpu, k, c, index, Slot::Empty);
            continue;
        };
        k.folio_ref_unfreeze(cpu, old, 2);
        store(cpu, k, c, index, Slot::Folio(old));
        mapping.xa_lock.unlock(cpu);
        (k.steps.file.unlock_old)(cpu, k, old);
        k.folio_putback_lru(cpu, old);
        mapping.xa_lock.lock(cpu);
    }
    mapping.xa_lock.unlock(cpu);
}

/// The pages of the holes are no longer counted. xa_lock is held.
pub(in crate::mm) fn uncharge(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) {
    k.mapping(c.file).nrpages.add_return(cpu, -i64::from(c.nr_none));
    k.shmem_recalc_inode(cpu, c.file, 0);
}
