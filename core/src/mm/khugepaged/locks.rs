//! The locks of steps 2 and 4, right and wrong.

use crate::mm::kernel::Kernel;
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

use super::Collapse;

/// Step 2 of the patch: `pte_offset_map_lock`, which looks at the PMD again.
pub fn map_lock(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> bool {
    let Some((pte, ptl)) = k.pte_offset_map_lock(cpu, c.mm, c.haddr) else { return false };
    c.start_pte = Some(pte);
    c.ptl = Some(ptl);
    c.held[0] = Some(ptl);
    true
}

/// Step 2 of v6.6: `pte_offset_map_nolock` and a plain lock. The folio lock and mmap_lock keep the PMD stable.
pub fn map_nolock(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> bool {
    if !map_unlocked(cpu, k, c) {
        return false;
    }
    if let Some(ptl) = c.ptl.filter(|&ptl| !c.holds(ptl)) {
        c.take(cpu, k, ptl);
    }
    true
}

/// Step 2 where MADV_DONTNEED frees tables: under ptl the PMD is looked at again, and remembered for step 4.
pub fn map_same(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> bool {
    c.pgt_pmd = k.pmdp_get_lockless(cpu, c.mm, c.haddr);
    if !c.pgt_pmd.is_table() || !map_nolock(cpu, k, c) {
        return false;
    }
    if k.pmdp_get_lockless(cpu, c.mm, c.haddr) == c.pgt_pmd {
        return true;
    }
    c.start_pte = None;
    // pml, if it was taken before, and ptl: the abort knows only of a table that is mapped. RCU keeps the lock that long.
    c.release(cpu, k);
    k.pte_unmap(cpu);
    false
}

/// Before step 2 of v6.6: pml, where userfaultfd may put a page into the private mapping without asking the page cache.
/// The folio lock does not keep it out, so nobody may come between the clearing of the entries and the unlinking.
pub fn early_pml(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    if !k.vma(c.vma).spec().shared() {
        early_pml_armed(cpu, k, c);
    }
}

/// The fix: a shared mapping too. UFFDIO_POISON asks nobody either before it puts a marker into an empty entry.
pub fn early_pml_armed(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    if k.vma(c.vma).spec().flags.has(VmFlags::UFFD) {
        c.take(cpu, k, k.pmd_lockptr(c.mm));
        c.early_pml = true;
    }
}

/// Step 2 without ptl.
pub fn map_unlocked(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) -> bool {
    let Some((pte, ptl)) = k.pte_offset_map_nolock(cpu, c.mm, c.haddr) else { return false };
    c.start_pte = Some(pte);
    c.ptl = Some(ptl);
    true
}

/// Step 4: pml, then ptl inside it unless they are one lock.
pub fn pml_then_ptl(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    let pml = k.pmd_lockptr(c.mm);
    c.take(cpu, k, pml);
    if let Some(ptl) = c.ptl.filter(|&ptl| ptl != pml) {
        c.take(cpu, k, ptl);
    }
}

/// Step 4 where MADV_DONTNEED frees tables: ptl is that of a table which may be gone by now, so pml comes first, and then a
/// look whether it is still there.
pub fn pml_then_ptl_if_same(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    let pml = k.pmd_lockptr(c.mm);
    c.take(cpu, k, pml);
    let same = k.pmdp_get_lockless(cpu, c.mm, c.haddr) == c.pgt_pmd;
    if let Some(ptl) = c.ptl.filter(|&ptl| same && ptl != pml) {
        c.take(cpu, k, ptl);
    }
}

/// Step 4 without the test whether they are one lock: where they are, the CPU waits for itself.
pub fn pml_then_ptl_untested(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    c.take(cpu, k, k.pmd_lockptr(c.mm));
    if let Some(ptl) = c.ptl {
        c.take(cpu, k, ptl);
    }
}

/// Step 4 in the wrong order.
pub fn ptl_then_pml(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    let pml = k.pmd_lockptr(c.mm);
    if let Some(ptl) = c.ptl.filter(|&ptl| ptl != pml) {
        k.lock(ptl).lock(cpu);
        c.held[0] = Some(ptl);
        k.lock(pml).lock(cpu);
        c.held[1] = Some(pml);
    } else {
        c.take(cpu, k, pml);
    }
}

/// Step 4 with ptl only.
pub fn ptl_only(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    if let Some(ptl) = c.ptl {
        c.take(cpu, k, ptl);
    }
}

/// Step 4 with pml only.
pub fn pml_only(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    c.take(cpu, k, k.pmd_lockptr(c.mm));
}

/// Unlocks the huge page.
pub fn unlock_hpage(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    if std::mem::take(&mut c.hpage_locked) {
        k.folio(c.hpage).lock.unlock(cpu);
    }
}

/// Gives the reference back that `find_lock_page` took.
pub fn put_hpage(cpu: &Cpu<'_>, k: &Kernel, c: &mut Collapse) {
    k.folio_put(cpu, c.hpage);
}
