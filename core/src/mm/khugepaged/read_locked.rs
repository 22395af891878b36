//! `collapse_pte_mapped_thp` with mmap_lock held for read: the patch, and v6.6 (kernel-semantics 9.7, 9.8).
//!
//! The labels are those of the semantics. Whatever protects something is a step of the table of steps.

use crate::mm::kernel::Kernel;
use crate::mm::place::ip;
use crate::mm::types::{MmId, Vaddr};
use crate::sync::{Cpu, What};

use super::{Collapse, ScanResult};

/// The function. mmap_lock is held for read or for write.
pub fn collapse_pte_mapped_thp(
    cpu: &Cpu<'_>,
    k: &Kernel,
    mm: MmId,
    addr: Vaddr,
    install_pmd: bool,
) -> ScanResult {
    let s = &k.steps;
    cpu.assert_held(k.mm(mm).mmap_lock.obj());
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

/// From the folio lock on: no new PTE of the huge page can appear, nobody else can install its PMD.
fn with_hpage_locked(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> ScanResult {
    let s = &k.steps;
    if let Err(result) = (s.check_hpage)(cpu, k, c) {
        return result;
    }
    (s.second_look)(cpu, k, c);
    cpu.pass(ip::cp3);
    match c.found {
        ScanResult::Succeed => {}
        ScanResult::PmdNone => return install(cpu, k, c),
        other => return other,
    }
    if let Err(result) = step1(cpu, k, c) {
        return result;
    }
    (s.notify_before_ptl)(cpu, k, c);
    (s.early_pml)(cpu, k, c);
    cpu.pass(ip::cp6);
    if let Err(result) = step2(cpu, k, c) {
        super::abort::abort(cpu, k, c);
        return result;
    }
    (s.unlock_early)(cpu, k, c);
    step3(cpu, k, c);
    step4(cpu, k, c);
    install(cpu, k, c)
}

/// Checks all PTEs, without a notifier: a range with COWed pages must not be invalidated again and again.
fn step1(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> Result<(), ScanResult> {
    let Some((pte, ptl)) = k.pte_offset_map_lock(cpu, c.mm, c.haddr) else {
        return Err(ScanResult::Fail);
    };
    cpu.pass(ip::step1);
    cpu.pass(ip::cp4);
    c.start_pte = Some(pte);
    c.ptl = Some(ptl);
    let checked = (k.steps.step1_check)(cpu, k, c);
    k.pte_unmap_unlock(cpu, ptl);
    c.start_pte = None;
    cpu.pass(ip::cp5);
    checked
}

/// Clears the PTEs. ptl was dropped since step 1: COW faults, swap-out and migration may have been there.
fn step2(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> Result<(), ScanResult> {
    let s = &k.steps;
    if !(s.map_step2)(cpu, k, c) {
        return Err((s.preset_result)(c));
    }
    let Some(pte) = c.start_pte else { return Err(ScanResult::Fail) };
    (s.notify_under_ptl)(cpu, k, c);
    cpu.pass(ip::step2);
    cpu.pass(ip::cp7);
    for i in 0..k.hpn {
        let ptent = k.ptep_get(cpu, pte, c.addr(i));
        if ptent.is_none() {
            continue;
        }
        (s.recheck_present)(c, ptent)?;
        (s.recheck_page)(k, c, i, ptent)?;
        (s.clear_pte)(cpu, k, c, pte, c.addr(i));
        (s.remove_rmap)(cpu, k, ptent.pfn());
        c.nr_ptes += 1;
    }
    if !c.early_pml {
        c.release(cpu, k);
    }
    k.pte_unmap(cpu);
    c.start_pte = None;
    cpu.pass(ip::cp8);
    (s.notify_after_clear)(cpu, k, c);
    Ok(())
}

/// Gives the cleared entries' references and counts back.
fn step3(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    cpu.pass(ip::step3);
    if c.nr_ptes > 0 {
        (k.steps.ref_sub)(cpu, k, c);
        cpu.pass(ip::cp9);
        (k.steps.counter_sub)(cpu, k, c);
        cpu.pass(ip::cp10);
    }
}

/// Removes the table. The folio lock is still held, so it must have stayed empty.
fn step4(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    let s = &k.steps;
    cpu.pass(ip::step4);
    if !c.early_pml {
        (s.lock_step4)(cpu, k, c);
    }
    cpu.pass(ip::cp11);
    (s.unlink)(cpu, k, c);
    cpu.pass(ip::cp12);
    (s.notify_end_early)(cpu, k, c);
    c.release(cpu, k);
    (s.flush_late)(cpu, k, c);
    cpu.pass(ip::cp13);
    (s.notify_end)(cpu, k, c);
    (s.dec_nr_ptes)(cpu, k, c);
    (s.ptc_clear_range)(cpu, k, c);
    (s.free_table)(cpu, k, c);
}

/// Step 5.
fn install(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> ScanResult {
    cpu.pass(ip::step5);
    cpu.pass(ip::cp14);
    if c.install_pmd { super::install::set_huge_pmd(cpu, k, c) } else { ScanResult::Succeed }
}
