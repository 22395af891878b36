//! A PTE table: HPN entries, a lock, and where it is in its life (kernel-semantics section 3.7).

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::mm::class::Class;
use crate::mm::rank;
use crate::mm::types::TableId;
use crate::sync::{LockClass, Obj, Spinlock, Word};

/// PTE tables of a machine.
const TABLES_MAX: u32 = 32;

/// Where a table is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum TableState {
    /// Not a table: free memory.
    Free = 0,
    /// Allocated, and known to its allocator only.
    Private = 1,
    /// Linked from a PMD entry.
    Linked = 2,
    /// Unlinked, not yet freed (RcuPending): lockless walkers may still be inside.
    Detached = 3,
    /// Deposited with the PMD table, for the day when a huge page is split.
    Deposited = 4,
    /// Unlinked with its entries, which whoever holds the old PMD value on its stack takes over: it is linked again
    /// (elsewhere, or as a rollback), or deposited.
    DetachedLinkedByStack = 5,
}

impl TableState {
    fn of(word: u32) -> TableState {
        match word {
            1 => TableState::Private,
            2 => TableState::Linked,
            3 => TableState::Detached,
            4 => TableState::Deposited,
            5 => TableState::DetachedLinkedByStack,
            _ => TableState::Free,
        }
    }
}

/// One PTE table.
#[derive(Debug)]
pub struct PteTable {
    /// Which one.
    pub id: TableId,
    /// Its lock, if page-table locks are split.
    pub ptl: Spinlock,
    /// How often it was freed.
    pub generation: AtomicU32,
    /// The table that was deposited before this one: 0, or its number + 1. Under pml.
    pub(super) lru: AtomicU32,
    entries: Vec<Word>,
    state: AtomicU32,
}

impl PteTable {
    fn new(id: u32, hpn: u32) -> PteTable {
        PteTable {
            id: TableId(id as u16),
            ptl: Spinlock::new(Class::Ptl.obj(id), LockClass::spinning(rank::PTL)),
            generation: AtomicU32::new(0),
            lru: AtomicU32::new(0),
            entries: (0..hpn).map(|i| Word::new(Class::Pte.obj(id * hpn + i), 0)).collect(),
            state: AtomicU32::new(TableState::Free as u32),
        }
    }

    /// The word of entry `i` (modulo the size of the table).
    #[inline]
    pub fn entry(&self, i: u32) -> &Word {
        &self.entries[i as usize % self.entries.len()]
    }

    /// All entries.
    pub fn entries(&self) -> &[Word] {
        &self.entries
    }

    /// Where the table is in its life.
    #[inline]
    pub fn state(&self) -> TableState {
        TableState::of(self.state.load(Ordering::SeqCst))
    }

    /// Moves it on; returns the state that it left.
    pub(super) fn set_state(&self, state: TableState) -> TableState {
        TableState::of(self.state.swap(state as u32, Ordering::SeqCst))
    }

    /// What the table is known as.
    pub fn obj(&self) -> Obj {
        Class::Table.obj(u32::from(self.id.0))
    }

    fn take(&self) -> bool {
        let (free, private) = (TableState::Free as u32, TableState::Private as u32);
        self.state.compare_exchange(free, private, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    pub(super) fn scrub(&self) {
        self.entries.iter().for_each(|entry| entry.poke(0));
    }
}

/// All PTE tables.
#[derive(Debug)]
pub struct PteTables {
    tables: Vec<PteTable>,
    next: AtomicU32,
    /// Tables that were freed, the last one on top: what an allocator that reuses at once gives out.
    freed: Mutex<Vec<TableId>>,
}

impl PteTables {
    pub(in crate::mm) fn new(hpn: u32) -> PteTables {
        PteTables {
            tables: (0..TABLES_MAX).map(|id| PteTable::new(id, hpn)).collect(),
            next: AtomicU32::new(0),
            freed: Mutex::default(),
        }
    }

    pub(in crate::mm) fn reset(&mut self) {
        let touched = (*self.next.get_mut()).min(TABLES_MAX) as usize;
        for table in &mut self.tables[..touched] {
            table.scrub();
            table.ptl.reset();
            *table.state.get_mut() = TableState::Free as u32;
            *table.generation.get_mut() = 0;
            *table.lru.get_mut() = 0;
        }
        *self.next.get_mut() = 0;
        self.freed.get_mut().map(Vec::clear).unwrap_or_default();
    }

    /// The table.
    #[inline]
    pub fn get(&self, id: TableId) -> &PteTable {
        &self.tables[id.idx() % self.tables.len()]
    }

    /// Whether there can be such a table.
    #[inline]
    pub fn is_valid(&self, id: TableId) -> bool {
        id.idx() < self.tables.len()
    }

    /// The tables that were ever allocated.
    pub fn touched(&self) -> impl Iterator<Item = &PteTable> {
        let touched = self.next.load(Ordering::Relaxed).min(TABLES_MAX) as usize;
        self.tables[..touched].iter()
    }

    /// Takes a free table: the one that was free longest, or with `reuse` the one that was freed last. Not a step.
    pub(super) fn take(&self, reuse: bool) -> Option<&PteTable> {
        if reuse && let Ok(mut freed) = self.freed.lock() {
            while let Some(id) = freed.pop() {
                if self.get(id).take() {
                    return Some(self.get(id));
                }
            }
        }
        (0..TABLES_MAX)
            .map(|_| &self.tables[(self.next.fetch_add(1, Ordering::SeqCst) % TABLES_MAX) as usize])
            .find(|table| table.take())
    }

    /// Remembers that a table was freed.
    pub(super) fn give_back(&self, id: TableId) {
        if let Ok(mut freed) = self.freed.lock() {
            freed.push(id);
        }
    }
}
