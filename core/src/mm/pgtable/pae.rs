//! PAE: an entry is two words of 32 bits, and whoever reads it without a lock reads them one after the other
//! (kernel-semantics section 3.3).
//!
//! Stores that make or break a translation are single exchanges of 64 bits, but for `set_pte` (high word first),
//! `pte_clear` and `pmd_clear` (low word first): the hardware never sees half of a present entry, a lockless reader may.

use std::sync::atomic::{AtomicU32, Ordering};

use super::map::{Lockptr, PteMap};
use crate::mm::kernel::{Kernel, Width};
use crate::mm::place::ip;
use crate::mm::types::{MmId, Pmd, Pte, TableId, Vaddr};
use crate::sync::{Cpu, Splat, Word};

const LOW: u64 = 0xffff_ffff;
const HIGH: u64 = LOW << 32;

/// Tables that a reader can be told of afterwards.
const HISTORY: usize = 4;

/// The tables that a PMD entry has linked lately. No kernel has this: it is how a torn value is found out (S12).
#[derive(Debug, Default)]
pub struct LinkHistory {
    links: AtomicU32,
    last: [AtomicU32; HISTORY],
}

impl LinkHistory {
    pub(in crate::mm) fn reset(&mut self) {
        *self.links.get_mut() = 0;
    }

    fn link(&self, table: TableId) {
        let n = self.links.fetch_add(1, Ordering::SeqCst);
        self.last[n as usize % HISTORY].store(u32::from(table.0), Ordering::SeqCst);
    }

    /// How many links there were.
    pub(super) fn count(&self) -> u32 {
        self.links.load(Ordering::SeqCst)
    }

    /// Whether the table may have been linked since there were `before` links.
    pub(super) fn linked_since(&self, before: u32, table: TableId) -> bool {
        let now = self.count();
        let last = |n| self.last[n as usize % HISTORY].load(Ordering::SeqCst);
        now - before > HISTORY as u32 || (before..now).any(|n| last(n) == u32::from(table.0))
    }
}

/// Stores one of the words; returns the whole entry as it was.
fn store_half(cpu: &Cpu<'_>, word: &Word, half: u64, value: u64) -> u64 {
    word.change_bits(cpu, value & half, !value & half)
}

/// The two words of an entry, low, high and low again, until the low one has not changed meanwhile.
fn get_low_high(cpu: &Cpu<'_>, k: &Kernel, word: &Word) -> u64 {
    loop {
        let low = word.read_once(cpu) & LOW;
        cpu.pass(ip::pae_low);
        let high = word.read_once(cpu) & HIGH;
        cpu.pass(ip::pae_high);
        if (k.steps.pae_recheck)(cpu, word, low) {
            return low | high;
        }
    }
}

/// The low word is still the one that was read.
pub(in crate::mm) fn low_unchanged(cpu: &Cpu<'_>, word: &Word, low: u64) -> bool {
    word.read_once(cpu) & LOW == low
}

/// `pmdp_get_lockless_sync`: waits for whoever is between two halves of the entry, with interrupts off.
///
/// Without `rcu_table_free` nobody is waited for in v6.6: see `corpus/found/pae_without_rcu_tables.rw`.
pub(in crate::mm) fn pmdp_get_lockless_sync(cpu: &Cpu<'_>, k: &Kernel) {
    if k.is_pae() {
        k.tlb_remove_table_sync_one(cpu);
    }
}

/// `pte_unmap_same`: under ptl, the entry is the one that was read in two halves.
pub(in crate::mm) fn pte_unmap_same(
    cpu: &Cpu<'_>,
    k: &Kernel,
    (pte, ptl): (PteMap, Lockptr),
    addr: Vaddr,
    orig: Pte,
) -> bool {
    if !k.is_pae() {
        return true;
    }
    k.lock(ptl).lock(cpu);
    let same = k.ptep_get(cpu, pte, addr) == orig;
    k.lock(ptl).unlock(cpu);
    same
}

impl Kernel {
    /// Whether entries are read in halves (`GUP_GET_PXX_LOW_HIGH`).
    #[inline]
    pub fn is_pae(&self) -> bool {
        self.config.width == Width::Pae
    }

    /// `thp_migration_supported`: PMD entries can be migration entries.
    #[inline]
    pub fn thp_migration_supported(&self) -> bool {
        self.config.width == Width::X64
    }

    /// `pmdp_get_lockless`: one load on 64 bits; on a PAE machine the value may never have been there, unless writers
    /// are kept out or wait (`pmdp_get_lockless_sync`).
    #[inline]
    pub fn pmdp_get_lockless(&self, cpu: &Cpu<'_>, mm: MmId, addr: Vaddr) -> Pmd {
        self.pmdp_read_lockless(cpu, self.pmdp(mm, addr))
    }

    /// The same of an entry that was found already.
    #[inline]
    pub fn pmdp_read_lockless(&self, cpu: &Cpu<'_>, pmdp: &Word) -> Pmd {
        match self.config.width {
            Width::X64 => Pmd(pmdp.read_once(cpu)),
            Width::Pae => Pmd(get_low_high(cpu, self, pmdp)),
        }
    }

    /// `ptep_get_lockless`.
    #[inline]
    pub fn ptep_get_lockless(&self, cpu: &Cpu<'_>, pte: PteMap, addr: Vaddr) -> Pte {
        match self.config.width {
            Width::X64 => self.ptep_get(cpu, pte, addr),
            Width::Pae => Pte(get_low_high(cpu, self, self.tables.get(pte.table).entry(addr.0))),
        }
    }

    /// `pmdp_get_lockless_start`, the reading, and `pmdp_get_lockless_end`: what a walker that goes on into the table
    /// does. With interrupts off, writers that synchronise wait until it has read all of the entry.
    pub(super) fn pmdp_get_to_walk(&self, cpu: &Cpu<'_>, pmdp: &Word) -> Pmd {
        if !self.is_pae() {
            return Pmd(pmdp.read_once(cpu));
        }
        (self.steps.pae_irq_save)(cpu);
        let history = self.link_history(pmdp);
        let (first, before) = (pmdp.peek(), history.count());
        let pmd = self.pmdp_read_lockless(cpu, pmdp);
        if pmd.is_table() && pmd.0 != first {
            let real = pmd.pgtable().filter(|&table| self.tables.is_valid(table));
            if !real.is_some_and(|table| history.linked_since(before, table)) {
                cpu.splat(Splat::TornEntry(pmdp.obj()));
            }
        }
        (self.steps.pae_irq_restore)(cpu);
        pmd
    }

    /// A table is linked from the entry, on a PAE machine.
    pub(super) fn remember_link(&self, pmdp: &Word, table: TableId) {
        if self.is_pae() {
            self.link_history(pmdp).link(table);
        }
    }

    fn link_history(&self, pmdp: &Word) -> &LinkHistory {
        let units = crate::mm::kernel::UNITS_MAX as u32;
        let n = pmdp.obj().index();
        &self.mms[(n / units) as usize].links[(n % units) as usize]
    }

    /// `native_set_pte`: two stores on a PAE machine, the high word first. Returns what was there.
    pub(super) fn native_set_pte(&self, cpu: &Cpu<'_>, word: &Word, new: Pte) -> Pte {
        if !self.is_pae() {
            return Pte(word.xchg(cpu, new.0));
        }
        let high = store_half(cpu, word, HIGH, new.0) & HIGH;
        Pte(high | store_half(cpu, word, LOW, new.0) & LOW)
    }

    /// `native_pte_clear` and `native_pmd_clear`: two stores on a PAE machine, the low word first. Returns what was
    /// there.
    pub(super) fn native_clear(&self, cpu: &Cpu<'_>, word: &Word) -> u64 {
        if !self.is_pae() {
            return word.xchg(cpu, 0);
        }
        let old = store_half(cpu, word, LOW, 0);
        store_half(cpu, word, HIGH, 0);
        old
    }

    /// `pmdp_establish` of an entry that is not present for the hardware: on a PAE machine the low word is exchanged,
    /// the high one read and written then. Returns what was there.
    pub(super) fn native_pmdp_establish(&self, cpu: &Cpu<'_>, word: &Word, new: Pmd) -> Pmd {
        if !self.is_pae() || new.0 & 1 != 0 {
            return Pmd(word.xchg(cpu, new.0));
        }
        let low = store_half(cpu, word, LOW, new.0) & LOW;
        let high = word.read_once(cpu) & HIGH;
        store_half(cpu, word, HIGH, new.0);
        Pmd(low | high)
    }
}
