//! `collapse_pte_mapped_thp` before the patch: mmap_lock, i_mmap and anon_vma held for write
//! (kernel-semantics section 9.9).
//!
//! Every path to the entries but the hardware and GUP-fast is excluded, so the table is freed with its entries
//! still in it, at once.

use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{MmId, Vaddr};
use crate::sync::{Cpu, What};

use super::{Collapse, ScanResult};

/// The function.
pub fn collapse_pte_mapped_thp(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: MmId,
    addr: Vaddr,
    install_pmd: bool,
) -> ScanResult {
    let s = &k.steps;
    k.mm(mm).mmap_lock.assert_held_write(cpu);
    let haddr = k.haddr(addr);
    let mut c = match (s.checks_before_page_lock)(cpu, k, mm, haddr, install_pmd) {
        Ok(c) => c,
        Err(result) => return result,
    };
    cpu.pass(ip::cp1);
    if !(s.get_hpage)(cpu, k, &mut c) {
        return ScanResult::PageNull;
    }
    cpu.pass(ip::cp2);
    let result = with_hpage_locked(cpu, k, &mut c);
    cpu.note(What::CollapseResult {
        mm: mm.0,
        haddr: haddr.0,
        install: install_pmd,
        result: result as u8,
    });
    (s.unlock_hpage)(cpu, k, &mut c);
    (s.put_hpage)(cpu, k, &mut c);
    result
}

fn with_hpage_locked(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> ScanResult {
    if let Err(result) = (k.steps.check_hpage)(cpu, k, c) {
        return result;
    }
    // The first look still holds: whoever could change the PMD needs mmap_lock, or i_mmap for write.
    match c.found {
        ScanResult::Succeed => {}
        ScanResult::PmdNone => return install(cpu, k, c),
        other => return other,
    }
    // Faults under the lock of the VMA are over, and no new ones come.
    (k.steps.pre_seed_start_write)(cpu, k, c.vma);
    (k.steps.i_mmap_lock)(cpu, k, c);
    let removed = remove_ptes(cpu, k, c);
    if removed.is_ok() {
        (k.steps.anon_vma_lock)(cpu, k, c);
        collapse_and_free_pmd(cpu, k, c);
        (k.steps.anon_vma_unlock)(cpu, k, c);
    }
    (k.steps.i_mmap_unlock)(cpu, k, c);
    match removed {
        Ok(()) => install(cpu, k, c),
        Err(result) => result,
    }
}

/// Steps 1 to 3, under one hold of ptl: check all, remove the rmaps, pay.
fn remove_ptes(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> Result<(), ScanResult> {
    let s = &k.steps;
    let Some((pte, ptl)) = (s.pre_seed_map)(cpu, k, c.mm, c.haddr) else {
        return Err(ScanResult::Fail);
    };
    cpu.pass(ip::step1);
    cpu.pass(ip::cp4);
    c.start_pte = Some(pte);
    c.ptl = Some(ptl);
    if let Err(result) = (s.step1_check)(cpu, k, c) {
        let _f = cpu.enter(func::collapse_abort);
        cpu.pass(ip::abort);
        k.pte_unmap_unlock(cpu, ptl);
        return Err(result);
    }
    cpu.pass(ip::step2);
    for i in 0..k.hpn {
        let ptent = k.ptep_get(cpu, pte, c.addr(i));
        if !ptent.is_none() {
            (s.remove_rmap)(cpu, k, ptent.pfn());
            c.nr_ptes += 1;
        }
    }
    k.pte_unmap_unlock(cpu, ptl);
    cpu.pass(ip::cp8);
    cpu.pass(ip::step3);
    if c.nr_ptes > 0 {
        (s.ref_sub)(cpu, k, c);
        (s.counter_sub)(cpu, k, c);
    }
    Ok(())
}

/// `collapse_and_free_pmd`: unlinks the table without pml, and frees it with what is left in it.
pub(super) fn collapse_and_free_pmd(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    let _f = cpu.enter(func::collapse_and_free_pmd);
    let s = &k.steps;
    cpu.pass(ip::step4);
    (s.pre_seed_assert_locks)(cpu, k, c);
    (s.notify_before_ptl)(cpu, k, c);
    c.pgt_pmd = k.pmdp_collapse_flush(cpu, c.mm, c.haddr);
    (s.table_sync)(cpu, k, c);
    (s.notify_end)(cpu, k, c);
    (s.dec_nr_ptes)(cpu, k, c);
    (s.ptc_clear_range)(cpu, k, c);
    (s.free_table)(cpu, k, c);
}

/// All that a walk of the table can hold: mmap_lock, i_mmap_rwsem and, if there is one, the anon_vma.
pub fn assert_locks(cpu: &Cpu<'_>, k: &Kernel, c: &Collapse) {
    k.mm(c.mm).mmap_lock.assert_held_write(cpu);
    k.mapping(c.file).i_mmap_rwsem.assert_held_write(cpu);
    if let Some(anon_vma) = k.vma_anon_vma(cpu, c.vma) {
        k.anon_vma_rwsem(anon_vma).assert_held_write(cpu);
    }
}

fn install(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> ScanResult {
    cpu.pass(ip::step5);
    cpu.pass(ip::cp14);
    if c.install_pmd { super::install::set_huge_pmd(cpu, k, c) } else { ScanResult::Succeed }
}

/// `i_mmap_lock_write`: a racing truncate would remove the same pages again.
pub fn i_mmap_lock(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    k.mapping(c.file).i_mmap_rwsem.down_write(cpu);
}

/// `i_mmap_unlock_write`.
pub fn i_mmap_unlock(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    k.mapping(c.file).i_mmap_rwsem.up_write(cpu);
}

/// `anon_vma_lock_write`, if there is one: a concurrent look-up of an anonymous page walks this table.
pub fn anon_vma_lock(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    if let Some(anon_vma) = k.vma_anon_vma(cpu, c.vma) {
        k.anon_vma_lock_write(cpu, anon_vma);
    }
}

/// `anon_vma_unlock_write`.
pub fn anon_vma_unlock(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    let anon_vma = k.peek_anon_vma(c.vma);
    if let Some(anon_vma) = anon_vma.filter(|&id| k.anon_vma_rwsem(id).is_write_locked_by(cpu.id()))
    {
        k.anon_vma_unlock_write(cpu, anon_vma);
    }
}

/// `tlb_remove_table_sync_one`.
pub fn table_sync(cpu: &Cpu<'_>, k: &Kernel, _: &mut Collapse) {
    k.tlb_remove_table_sync_one(cpu);
}
