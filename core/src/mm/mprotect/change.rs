//! `change_protection`: unit by unit (kernel-semantics section 11.10).

use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::tlb::MmuGather;
use crate::mm::types::{MmId, PgProt, Pmd, Vaddr, VmaId};
use crate::mm::userfaultfd::note_wp;
use crate::mm::vma::{VmFlags, VmaSpec};
use crate::sync::Cpu;

/// MM_CP_*: who changes the protection, and to what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CpFlags(u8);

impl CpFlags {
    /// The protection of the VMA, and nothing else.
    pub const NONE: CpFlags = CpFlags(0);
    /// MM_CP_TRY_CHANGE_WRITABLE: entries may become writable that the protection alone does not make so.
    pub const TRY_CHANGE_WRITABLE: CpFlags = CpFlags(1 << 0);
    /// MM_CP_PROT_NUMA: entries are made inaccessible, to learn who uses them.
    pub const PROT_NUMA: CpFlags = CpFlags(1 << 1);
    /// MM_CP_UFFD_WP: userfaultfd write-protects.
    pub const UFFD_WP: CpFlags = CpFlags(1 << 2);
    /// MM_CP_UFFD_WP_RESOLVE: userfaultfd does so no longer.
    pub const UFFD_WP_RESOLVE: CpFlags = CpFlags(1 << 3);

    /// Whether any of `flags` is set.
    pub const fn has(self, flags: CpFlags) -> bool {
        self.0 & flags.0 != 0
    }

    /// These and those.
    #[must_use]
    pub const fn with(self, flags: CpFlags) -> CpFlags {
        CpFlags(self.0 | flags.0)
    }
}

/// What entries are changed to.
#[derive(Clone, Copy, Debug)]
pub(in crate::mm) struct Change {
    /// The VMA that the entries belong to.
    pub(in crate::mm) vma: VmaId,
    /// The new protection.
    pub(in crate::mm) prot: PgProt,
    /// MM_CP_*.
    pub(in crate::mm) cp_flags: CpFlags,
}

impl Change {
    /// Whether userfaultfd write-protects.
    pub(in crate::mm) fn wp(self) -> bool {
        self.cp_flags.has(CpFlags::UFFD_WP)
    }

    /// Tells what userfaultfd has protected now, or no longer. `was`: it was.
    pub(in crate::mm) fn note(self, cpu: &Cpu<'_>, mm: MmId, at: Vaddr, pages: u32, was: bool) {
        if self.wp() || was && self.cp_flags.has(CpFlags::UFFD_WP_RESOLVE) {
            note_wp(cpu, mm, at, pages, self.wp());
        }
    }
}

impl Kernel {
    /// `change_protection` of `[start, end)`, which lies in `vma`: the entries get the protection that the VMA has by now.
    /// Returns the number of pages that were changed; `None`: no memory for a table. mmap_lock is held, for read at the
    /// least. Who gave the gather finishes it, and with it flushes. May sleep.
    pub fn change_protection(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        vma: VmaId,
        start: Vaddr,
        end: Vaddr,
        cp_flags: CpFlags,
    ) -> Option<u32> {
        let _f = cpu.enter(func::change_protection);
        let both = CpFlags::UFFD_WP.with(CpFlags::UFFD_WP_RESOLVE);
        cpu.vm_bug_on(cp_flags.0 & both.0 == both.0, "uffd-wp is set and resolved at once");
        let prot = match cp_flags.has(CpFlags::PROT_NUMA) {
            true => PgProt::NONE,
            false => self.vma(vma).spec().page_prot(),
        };
        self.change_pmd_range(cpu, tlb, Change { vma, prot, cp_flags }, start, end)
    }

    /// `change_pmd_range`. Mirrors are told when the first unit is met that has something in it.
    fn change_pmd_range(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        change: Change,
        start: Vaddr,
        end: Vaddr,
    ) -> Option<u32> {
        let mm = tlb.mm;
        let mut told = None;
        let mut addr = start;
        let mut pages = Some(0);
        while addr < end
            && let Some(before) = pages
        {
            let next = Vaddr((self.haddr(addr).0 + self.hpn).min(end.0));
            if !self.change_pmd_prepare(cpu, change, addr) {
                pages = None;
                break;
            }
            if Pmd(self.pmdp(mm, addr).read_once(cpu)).is_none() {
                if !(self.steps.uffd.wp_none_again)(self, change.vma, change.wp()) {
                    addr = next;
                }
                continue;
            }
            if told.is_none() {
                (self.steps.moves.change_notify_start)(cpu, self, mm, addr, end.0 - addr.0);
                told = Some(addr);
            }
            match self.change_unit(cpu, tlb, change, addr, next) {
                Unit::Done(changed) => {
                    pages = Some(before + changed);
                    addr = next;
                }
                Unit::Again => {}
                Unit::NoMemory => pages = None,
            }
        }
        if let Some(from) = told {
            (self.steps.moves.change_notify_end)(cpu, self, mm, from, end.0 - from.0);
        }
        pages
    }

    /// One unit, or the part of it up to `next`, that had something in it a moment ago.
    fn change_unit(
        &self,
        cpu: &Cpu<'_>,
        tlb: &mut MmuGather,
        change: Change,
        addr: Vaddr,
        next: Vaddr,
    ) -> Unit {
        let pmd = self.pmdp_get_lockless(cpu, tlb.mm, addr);
        if pmd.is_swap_pmd() || pmd.is_trans_huge() {
            let whole = next.0 - addr.0 == self.hpn;
            if !whole || change.wp() && (self.steps.uffd.wp_split_file)(self, change.vma) {
                self.__split_huge_pmd(cpu, change.vma, addr);
                // Of a file nothing is left behind.
                if !self.change_pmd_prepare(cpu, change, addr) {
                    return Unit::NoMemory;
                }
            } else if let Some(changed) = self.change_huge_pmd(cpu, tlb, change, addr) {
                return Unit::Done(changed);
            }
        }
        cpu.pass(ip::mp1);
        let changed = self.change_pte_range(cpu, tlb, change, addr, next);
        match (self.steps.uffd.wp_again)(changed.is_some()) {
            true => Unit::Done(changed.unwrap_or(0)),
            false => Unit::Again,
        }
    }

    /// `change_pmd_prepare`. `false`: no memory.
    fn change_pmd_prepare(&self, cpu: &Cpu<'_>, change: Change, addr: Vaddr) -> bool {
        (self.steps.uffd.wp_prepare)(cpu, self, change.vma, addr, change.wp())
    }
}

/// How a unit went.
enum Unit {
    /// So many pages were changed.
    Done(u32),
    /// The table is gone: the PMD entry must be looked at again.
    Again,
    /// A table is needed, and there is no memory.
    NoMemory,
}

/// A table for markers, if there are to be some. `false`: no memory.
pub(in crate::mm) fn prepare(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId, addr: Vaddr, wp: bool) -> bool {
    !markers_needed(k, vma, wp) || k.pte_alloc(cpu, k.vma(vma).spec().mm, addr)
}

/// `pgtable_split_needed`: markers live in tables, and the file's huge page has none.
pub(in crate::mm) fn split_file(k: &Kernel, vma: VmaId) -> bool {
    k.vma(vma).spec().file.is_some()
}

/// Whether userfaultfd protects (`wp`) what needs a table for its markers. There an empty entry means that a huge page
/// was zapped since, not that there is nothing to protect.
pub(in crate::mm) fn markers_needed(k: &Kernel, vma: VmaId, wp: bool) -> bool {
    wp && uses_markers(&k.vma(vma).spec())
}

/// `userfaultfd_wp_use_markers`: an empty entry can be write-protected. Of anonymous memory none is, without
/// UFFD_FEATURE_WP_UNPOPULATED.
pub(super) fn uses_markers(spec: &VmaSpec) -> bool {
    spec.flags.has(VmFlags::UFFD_WP) && spec.file.is_some()
}
