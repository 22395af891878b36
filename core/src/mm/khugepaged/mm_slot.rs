//! Which mms khugepaged knows (`__khugepaged_enter`, `__khugepaged_exit`, kernel-semantics sections 1.4 and 9.1).

use crate::mm::huge_memory::eligible::Asks;
use crate::mm::kernel::Kernel;
use crate::mm::mm_struct::mmf;
use crate::mm::tunables::ThpEnabled;
use crate::mm::types::{MmId, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

impl Kernel {
    /// `khugepaged_enter_vma`: the VMA has become eligible, so khugepaged gets to know its mm. mmap_lock is held.
    pub fn khugepaged_enter_vma(&self, cpu: &Cpu<'_>, vma: VmaId, flags: VmFlags) {
        let mm = self.vma(vma).spec().mm;
        // hugepage_flags_enabled()
        let known = self.mm(mm).flags.peek() & mmf::VM_HUGEPAGE != 0;
        let enabled = self.config.thp != ThpEnabled::Never;
        if !known && enabled && self.hugepage_vma_check(vma, flags, Asks::KHUGEPAGED) {
            self.__khugepaged_enter(cpu, mm);
        }
    }

    /// `__khugepaged_enter`: the slot holds on to the mm_struct.
    pub fn __khugepaged_enter(&self, cpu: &Cpu<'_>, mm: MmId) {
        let m = self.mm(mm);
        cpu.vm_bug_on(!m.is_alive(), "khugepaged_enter() of an mm without users");
        // mm_slot_alloc()
        if self.should_fail_alloc(cpu) {
            return;
        }
        if m.flags.change_bits(cpu, mmf::VM_HUGEPAGE, 0) & mmf::VM_HUGEPAGE != 0 {
            return;
        }
        self.slots.lock.lock(cpu);
        self.slots.listed.change_bits(cpu, 1 << mm.0, 0);
        self.slots.lock.unlock(cpu);
        self.mmgrab(cpu, mm);
    }

    /// khugepaged begins to scan the mm: its slot is the cursor. `false`: it knows of no such mm.
    pub(super) fn khugepaged_select(&self, cpu: &Cpu<'_>, mm: MmId) -> bool {
        self.slots.lock.lock(cpu);
        let listed = self.slots.listed.peek() >> mm.0 & 1 == 1;
        if listed {
            self.slots.cursor.add_return(cpu, 1 << (8 * mm.0));
        }
        self.slots.lock.unlock(cpu);
        listed
    }

    /// Whether khugepaged has a slot for the mm, without a step.
    pub fn peek_khugepaged_slot(&self, mm: MmId) -> bool {
        self.slots.listed.peek() >> mm.0 & 1 == 1
    }

    fn is_scanned(&self, mm: MmId) -> bool {
        self.slots.cursor.peek() >> (8 * mm.0) & 0xff != 0
    }

    /// The end of a visit. If it has scanned the mm, or the mm exits, it goes on to the next one; the slot of an mm that
    /// exits meanwhile is its to free (`collect_mm_slot`). Returns whether it goes on.
    pub(super) fn khugepaged_leave(&self, cpu: &Cpu<'_>, mm: MmId, finished: bool) -> bool {
        self.slots.lock.lock(cpu);
        let exits = self.hpage_collapse_test_exit(cpu, mm);
        if exits || finished {
            self.slots.cursor.add_return(cpu, -(1 << (8 * mm.0)));
        }
        let free = exits && !self.is_scanned(mm);
        if free {
            self.slots.listed.change_bits(cpu, 0, 1 << mm.0);
        }
        self.slots.lock.unlock(cpu);
        if free {
            self.mmdrop(cpu, mm);
        }
        exits || finished
    }

    /// `khugepaged_enter` before anybody runs.
    pub fn init_khugepaged_slot(&self, mm: MmId) {
        self.mm(mm).flags.poke_bits(mmf::VM_HUGEPAGE, 0);
        self.slots.listed.poke_bits(1 << mm.0, 0);
        self.mm(mm).mm_count.poke_add(1);
    }

    /// `__khugepaged_exit`: khugepaged forgets the mm, which has no users any more. If it is the one that is being
    /// scanned, that scan is waited for: it holds mmap_lock, or will find that the mm exits when it has taken it; and it
    /// is khugepaged that removes the slot. May sleep.
    pub fn __khugepaged_exit(&self, cpu: &Cpu<'_>, mm: MmId) {
        self.slots.lock.lock(cpu);
        let listed = self.slots.listed.read_once(cpu) >> mm.0 & 1 == 1;
        let free = listed && !self.is_scanned(mm);
        if free {
            self.slots.listed.change_bits(cpu, 0, 1 << mm.0);
        }
        self.slots.lock.unlock(cpu);
        if free {
            self.mm(mm).flags.change_bits(cpu, 0, mmf::VM_HUGEPAGE);
            self.mmdrop(cpu, mm);
        } else if listed {
            (self.steps.vma.khugepaged_exit_wait)(cpu, self, mm);
        }
    }
}

/// An empty critical section of mmap_lock for write.
pub fn wait_for_scan(cpu: &Cpu<'_>, k: &Kernel, mm: MmId) {
    k.mmap_write_lock(cpu, mm);
    k.mmap_write_unlock(cpu, mm);
}

/// `hpage_collapse_test_exit`.
pub fn test_exit(cpu: &Cpu<'_>, k: &Kernel, mm: MmId) -> bool {
    k.hpage_collapse_test_exit(cpu, mm)
}
