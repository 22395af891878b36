//! `copy_page_range`: what a fork copies of the page tables of a VMA (kernel-semantics section 11.9).
//!
//! mmap_lock of both mms is held for write, and the parent's VMA is locked for write: no fault, no zap under mmap_lock and
//! no collapse of PTE-mapped pages comes here. Walks by rmap do (reclaim, migration, truncation), and GUP-fast.

use super::copy_entry::{CopiedPte, Copying};
use crate::mm::huge_memory::copy::CopiedPmd;
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{FolioId, MmId, Pmd, Rss, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

/// How much may be copied before others who wait for the locks get their turn: an entry counts 8, an empty one 1.
const BATCH: u32 = 32;

impl Kernel {
    /// `copy_page_range`: copies what cannot be faulted in again. `false`: no memory; what was copied stays.
    ///
    /// A pin by GUP-fast must not come between the look for pins and the write-protecting, for then the next write would
    /// take the page away from under the pin: who takes one finds the seqcount odd, or another one afterwards.
    pub fn copy_page_range(&self, cpu: &Cpu<'_>, dst: VmaId, src: VmaId) -> bool {
        let _f = cpu.enter(func::copy_page_range);
        if !(self.steps.fork.needs_copy)(self, dst, src) {
            return true;
        }
        let spec = self.vma(src).spec();
        let (mm, start, pages) = (spec.mm, spec.start, spec.pages());
        // is_cow_mapping(): VM_MAYWRITE is true of all that is private.
        let cow = !spec.shared();
        if cow {
            (self.steps.fork.notify_start)(cpu, self, mm, start, pages);
            (self.steps.fork.seq_begin)(cpu, self, mm);
            cpu.pass(ip::fk4);
        }
        let copied = self.copy_pmd_range(cpu, dst, src);
        if cow {
            (self.steps.fork.seq_end)(cpu, self, mm);
            (self.steps.fork.notify_end)(cpu, self, mm, start, pages);
        }
        copied
    }

    /// `copy_pmd_range`.
    fn copy_pmd_range(&self, cpu: &Cpu<'_>, dst: VmaId, src: VmaId) -> bool {
        let spec = self.vma(src).spec();
        let mut addr = spec.start;
        while addr < spec.end {
            let next = Vaddr((self.haddr(addr).0 + self.hpn).min(spec.end.0));
            let pmdp = self.pmdp(spec.mm, addr);
            let pmd = Pmd(pmdp.read_once(cpu));
            if pmd.is_swap_pmd() || pmd.is_trans_huge() {
                let whole = next.0 - addr.0 == self.hpn;
                cpu.vm_bug_on(!whole, "a fork finds a huge PMD across a bound of the VMA");
                match self.copy_huge_pmd(cpu, dst, src, addr) {
                    CopiedPmd::Done => {
                        addr = next;
                        continue;
                    }
                    CopiedPmd::NoMemory => return false,
                    // It is not huge, or not any longer.
                    CopiedPmd::Again => {}
                }
            }
            let none = Pmd(pmdp.read_once(cpu)).is_none();
            if !none && !self.copy_pte_range(cpu, dst, src, addr, next) {
                return false;
            }
            addr = next;
        }
        true
    }

    /// `copy_pte_range`: the child's table is locked, and the parent's inside. `false`: no memory.
    ///
    /// The lock of the parent's table belongs to the value of its PMD entry that was read: nothing retracts the table of a
    /// VMA that has an anon_vma, and others are not copied.
    fn copy_pte_range(
        &self,
        cpu: &Cpu<'_>,
        dst: VmaId,
        src: VmaId,
        mut addr: Vaddr,
        end: Vaddr,
    ) -> bool {
        let _f = cpu.enter(func::copy_pte_range);
        let (dst_spec, src_spec) = (self.vma(dst).spec(), self.vma(src).spec());
        let mut prealloc = None;
        while addr < end {
            if !self.pte_alloc(cpu, dst_spec.mm, addr) {
                return self.put_prealloc(cpu, &mut prealloc, false);
            }
            let Some((dst_pte, dst_ptl)) = self.pte_offset_map_lock(cpu, dst_spec.mm, addr) else {
                return self.put_prealloc(cpu, &mut prealloc, false);
            };
            let Some((src_pte, src_ptl)) = self.pte_offset_map_nolock(cpu, src_spec.mm, addr)
            else {
                // Nothing is there that must be copied.
                self.pte_unmap_unlock(cpu, dst_ptl);
                return self.put_prealloc(cpu, &mut prealloc, true);
            };
            (self.steps.fork.src_lock)(cpu, self, src_ptl);
            let copying = Copying {
                dst,
                dst_mm: dst_spec.mm,
                dst_pte,
                dst_ptl,
                src_mm: src_spec.mm,
                src_pte,
                src_ptl,
                cow: !src_spec.shared(),
                uffd_wp: dst_spec.flags.has(VmFlags::UFFD_WP),
            };
            let mut rss = [0; 4];
            let copied = self.copy_ptes(cpu, &copying, (&mut addr, end), &mut prealloc, &mut rss);
            (self.steps.fork.src_unlock)(cpu, self, src_ptl);
            self.pte_unmap(cpu);
            // add_mm_rss_vec()
            for which in [Rss::File, Rss::Anon, Rss::Swap, Rss::Shmem] {
                self.mm(copying.dst_mm).add_counter(cpu, which, rss[which as usize]);
            }
            self.pte_unmap_unlock(cpu, dst_ptl);
            if copied == CopiedPte::NeedsPage {
                // page_copy_prealloc(): under the locks no memory can be waited for.
                prealloc = self.folio_alloc(cpu, false);
                if prealloc.is_none() {
                    return false;
                }
            }
        }
        // The page for which it was may have gone meanwhile.
        self.put_prealloc(cpu, &mut prealloc, true)
    }

    /// The loop of `copy_pte_range` under both locks: to the end, or until somebody waits for one of them, or a page is
    /// needed.
    fn copy_ptes(
        &self,
        cpu: &Cpu<'_>,
        copying: &Copying,
        (addr, end): (&mut Vaddr, Vaddr),
        prealloc: &mut Option<FolioId>,
        rss: &mut [i64; 4],
    ) -> CopiedPte {
        let mut progress = 0;
        while *addr < end {
            let wanted = |ptl| self.lock(ptl).is_contended();
            if progress >= BATCH && (wanted(copying.dst_ptl) || wanted(copying.src_ptl)) {
                break;
            }
            let entry = self.ptep_get(cpu, copying.src_pte, *addr);
            if entry.is_none() {
                progress += 1;
            } else {
                if self.copy_pte(cpu, copying, *addr, entry, prealloc, rss) == CopiedPte::NeedsPage
                {
                    return CopiedPte::NeedsPage;
                }
                self.put_prealloc(cpu, prealloc, true);
                progress += 8;
            }
            addr.0 += 1;
            cpu.pass(ip::fk2);
        }
        CopiedPte::Done
    }

    /// Gives back a page that was not needed in the end.
    fn put_prealloc(&self, cpu: &Cpu<'_>, prealloc: &mut Option<FolioId>, result: bool) -> bool {
        if let Some(unused) = prealloc.take() {
            self.folio_put(cpu, unused);
        }
        result
    }
}

/// `vma_needs_copy`. A file's VMA without an anon_vma has nothing of its own, and its table may be retracted at any
/// moment, under `i_mmap_rwsem` alone; of memory that userfaultfd write-protects the entries say what is protected.
pub(in crate::mm) fn vma_needs_copy(k: &Kernel, dst: VmaId, src: VmaId) -> bool {
    k.vma(dst).spec().flags.has(VmFlags::UFFD_WP) || k.peek_anon_vma(src).is_some()
}

/// `raw_write_seqcount_begin(&mm->write_protect_seq)`, and its end.
pub(in crate::mm) fn write_seqcount_add(cpu: &Cpu<'_>, k: &Kernel, mm: MmId) {
    k.mm(mm).write_protect_seq.add_return(cpu, 1);
}
