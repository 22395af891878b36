//! A folio: one base page, or HPN of them, with the counters that say who uses it.
//!
//! Frames: 0 is none, 1 the zero page, then small pages, then huge folios at multiples of HPN. A freed slot is
//! reused as late as possible and with a new generation: whoever still reaches it is found out.

use std::sync::atomic::{AtomicU32, Ordering};

use super::class::Class;
use super::kernel::Kernel;
use super::rank;
use super::types::{AnonVmaId, FileId, FolioId, Pfn, Rss};
use crate::sync::{Cpu, FolioLock, Obj, Splat, What, Word};

/// Huge folios of a machine.
const HUGE_MAX: u32 = 8;
/// Frames below this one are small folios, each under its own number.
pub fn small_folios(hpn: u32) -> u32 {
    if hpn > 8 { 4 * hpn } else { 128 }
}

/// What `_nr_pages_mapped` gains while a PMD maps the folio.
pub const COMPOUND_MAPPED: i64 = 0x80_0000;

/// Flags of a folio.
pub mod flags {
    /// PG_uptodate.
    pub const UPTODATE: u64 = 1 << 0;
    /// PG_dirty.
    pub const DIRTY: u64 = 1 << 1;
    /// PG_lru.
    pub const LRU: u64 = 1 << 2;
    /// PG_swapbacked.
    pub const SWAPBACKED: u64 = 1 << 3;
    /// PG_swapcache.
    pub const SWAPCACHE: u64 = 1 << 4;
    /// PG_anon_exclusive. Small folios only: nothing maps a huge anonymous folio yet.
    pub const ANON_EXCLUSIVE: u64 = 1 << 5;
}

/// What `folio->mapping` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mapping {
    /// NULL: truncated, freed, or not yet given to anybody.
    None,
    /// The page cache of a file.
    File(FileId),
    /// An anon_vma (the ANON bit is set).
    Anon(AnonVmaId),
}

impl Mapping {
    fn to_word(self) -> u64 {
        match self {
            Mapping::None => 0,
            Mapping::File(file) => (u64::from(file.0) + 1) << 1,
            Mapping::Anon(anon_vma) => (u64::from(anon_vma.0) + 1) << 1 | 1,
        }
    }

    fn from_word(word: u64) -> Mapping {
        match (word >> 1, word & 1) {
            (0, _) => Mapping::None,
            (n, 0) => Mapping::File(FileId(n as u8 - 1)),
            (n, _) => Mapping::Anon(AnonVmaId(n as u8 - 1)),
        }
    }
}

/// A base page.
#[derive(Debug)]
pub struct Page {
    /// `_mapcount`: PTEs that map it, less 1.
    pub mapcount: Word,
    /// The version tag that stands for its content.
    pub content: Word,
    /// page_table_check: `anon_map_count`.
    pub ptc_anon: Word,
    /// page_table_check: `file_map_count`.
    pub ptc_file: Word,
}

/// A folio.
#[derive(Debug)]
pub struct Folio {
    /// `_refcount`.
    pub refcount: Word,
    /// `_entire_mapcount`: PMDs that map it, less 1.
    pub entire_mapcount: Word,
    /// `_nr_pages_mapped`.
    pub nr_pages_mapped: Word,
    /// `flags`, but for PG_locked.
    pub flags: Word,
    /// `mapping`.
    pub mapping: Word,
    /// PG_locked.
    pub lock: FolioLock,
    /// `index`: the page of the file, or the address in pages.
    pub index: AtomicU32,
    /// How often the slot was freed.
    pub generation: AtomicU32,
    allocated: AtomicU32,
}

impl Folio {
    fn new(id: u32) -> Folio {
        let minus_1 = -1_i64 as u64;
        Folio {
            refcount: Word::new(Class::Refcount.obj(id), 0),
            entire_mapcount: Word::new(Class::EntireMapcount.obj(id), minus_1),
            nr_pages_mapped: Word::new(Class::NrPagesMapped.obj(id), 0),
            flags: Word::new(Class::FolioFlags.obj(id), 0),
            mapping: Word::new(Class::Mapping.obj(id), 0),
            lock: FolioLock::new(Class::FolioLock.obj(id), rank::FOLIO_LOCK),
            index: AtomicU32::new(0),
            generation: AtomicU32::new(0),
            allocated: AtomicU32::new(0),
        }
    }

    /// `folio->mapping`, without a step.
    pub fn peek_mapping(&self) -> Mapping {
        Mapping::from_word(self.mapping.peek())
    }

    /// `folio->mapping`.
    pub fn read_mapping(&self, cpu: &Cpu<'_>) -> Mapping {
        Mapping::from_word(self.mapping.read_once(cpu))
    }

    /// Gives the folio to a file or an anon_vma, or takes it away. One step.
    pub fn set_mapping(&self, cpu: &Cpu<'_>, mapping: Mapping) {
        self.mapping.write_once(cpu, mapping.to_word());
    }

    /// The same without a step: for a folio that nobody else can know yet.
    pub fn init_mapping(&self, mapping: Mapping, index: u32) {
        self.mapping.poke(mapping.to_word());
        self.index.store(index, Ordering::Relaxed);
    }

    /// `folio_test_anon`.
    #[inline]
    pub fn is_anon(&self) -> bool {
        self.mapping.peek() & 1 == 1
    }

    /// Whether a flag is set, without a step.
    #[inline]
    pub fn has(&self, flag: u64) -> bool {
        self.flags.peek() & flag != 0
    }

    /// `folio->index`.
    pub fn index(&self) -> u32 {
        self.index.load(Ordering::Relaxed)
    }

    /// Whether the slot holds a folio.
    pub fn is_allocated(&self) -> bool {
        self.allocated.load(Ordering::SeqCst) != 0
    }
}

/// All folios and pages.
#[derive(Debug)]
pub struct Folios {
    hpn: u32,
    small: u32,
    folios: Vec<Folio>,
    pages: Vec<Page>,
    next_small: AtomicU32,
    next_huge: AtomicU32,
}

impl Folios {
    pub(super) fn new(hpn: u32) -> Folios {
        let small = small_folios(hpn);
        let page = |pfn: u32| Page {
            mapcount: Word::new(Class::Mapcount.obj(pfn), -1_i64 as u64),
            content: Word::new(Class::Content.obj(pfn), 0),
            ptc_anon: Word::new(Class::PtcAnon.obj(pfn), 0),
            ptc_file: Word::new(Class::PtcFile.obj(pfn), 0),
        };
        Folios {
            hpn,
            small,
            folios: (0..small + HUGE_MAX).map(Folio::new).collect(),
            pages: (0..small + HUGE_MAX * hpn).map(page).collect(),
            next_small: AtomicU32::new(0),
            next_huge: AtomicU32::new(0),
        }
    }

    pub(super) fn reset(&mut self) {
        let small = (*self.next_small.get_mut() + 2).min(self.small);
        let huge = (*self.next_huge.get_mut()).min(HUGE_MAX);
        for id in (0..small).chain(self.small..self.small + huge) {
            self.scrub(FolioId(id));
            self.folios[id as usize].generation.store(0, Ordering::Relaxed);
            self.folios[id as usize].allocated.store(0, Ordering::Relaxed);
        }
        *self.next_small.get_mut() = 0;
        *self.next_huge.get_mut() = 0;
    }

    /// Everything in the folio and its pages back to the state of free memory.
    fn scrub(&self, id: FolioId) {
        let folio = self.get(id);
        [&folio.refcount, &folio.nr_pages_mapped, &folio.flags, &folio.mapping]
            .iter()
            .for_each(|word| word.poke(0));
        folio.entire_mapcount.poke(-1_i64 as u64);
        folio.lock.reset();
        for pfn in self.pfns(id) {
            let page = self.page(pfn);
            [&page.content, &page.ptc_anon, &page.ptc_file].iter().for_each(|word| word.poke(0));
            page.mapcount.poke(-1_i64 as u64);
        }
    }

    /// The folio.
    #[inline]
    pub fn get(&self, id: FolioId) -> &Folio {
        &self.folios[id.idx()]
    }

    /// The page of a frame.
    #[inline]
    pub fn page(&self, pfn: Pfn) -> &Page {
        &self.pages[pfn.0 as usize % self.pages.len()]
    }

    /// `page_folio`.
    #[inline]
    pub fn of(&self, pfn: Pfn) -> FolioId {
        if pfn.0 < self.small {
            FolioId(pfn.0)
        } else {
            FolioId(self.small + (pfn.0 - self.small) / self.hpn % HUGE_MAX)
        }
    }

    /// `folio_page(folio, 0)`.
    #[inline]
    pub fn head(&self, id: FolioId) -> Pfn {
        if id.0 < self.small { Pfn(id.0) } else { Pfn(self.small + (id.0 - self.small) * self.hpn) }
    }

    /// How many frames there are.
    pub fn len_pages(&self) -> usize {
        self.pages.len()
    }

    /// How many folios there can be.
    pub fn len_folios(&self) -> usize {
        self.folios.len()
    }

    /// `folio_test_large`.
    #[inline]
    pub fn is_large(&self, id: FolioId) -> bool {
        id.0 >= self.small
    }

    /// `folio_nr_pages`.
    #[inline]
    pub fn nr_pages(&self, id: FolioId) -> u32 {
        if self.is_large(id) { self.hpn } else { 1 }
    }

    /// The frames of a folio.
    pub fn pfns(&self, id: FolioId) -> impl Iterator<Item = Pfn> + use<> {
        let head = self.head(id).0;
        (head..head + self.nr_pages(id)).map(Pfn)
    }

    /// The folios that were ever allocated.
    pub fn touched(&self) -> impl Iterator<Item = FolioId> {
        let small = (self.next_small.load(Ordering::Relaxed) + 2).min(self.small);
        let huge = self.next_huge.load(Ordering::Relaxed).min(HUGE_MAX);
        (2..small).chain(self.small..self.small + huge).map(FolioId)
    }

    /// Whether such a frame exists and may be mapped.
    pub fn is_valid(&self, pfn: Pfn) -> bool {
        pfn.0 >= 1 && (pfn.0 as usize) < self.pages.len()
    }

    /// Takes a free slot, the one that was free longest. The new folio has one reference. Not a step.
    fn take(&self, large: bool) -> Option<FolioId> {
        let (next, base, room) = if large {
            (&self.next_huge, self.small, HUGE_MAX)
        } else {
            (&self.next_small, 2, self.small - 2)
        };
        for _ in 0..room {
            let id = FolioId(base + next.fetch_add(1, Ordering::SeqCst) % room);
            let free =
                self.get(id).allocated.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst);
            if free.is_ok() {
                return Some(id);
            }
        }
        None
    }
}

impl Kernel {
    /// The folio.
    #[inline]
    pub fn folio(&self, id: FolioId) -> &Folio {
        self.folios.get(id)
    }

    /// The page of a frame.
    #[inline]
    pub fn page(&self, pfn: Pfn) -> &Page {
        self.folios.page(pfn)
    }

    /// `folio_alloc`: a folio with one reference, which the caller owns. May sleep. `None`: out of memory.
    pub fn folio_alloc(&self, cpu: &Cpu<'_>, large: bool) -> Option<FolioId> {
        cpu.might_sleep();
        let id = self.folios.take(large)?;
        let folio = self.folio(id);
        folio.refcount.write_once(cpu, 1);
        cpu.debts.pay(folio.refcount.obj(), 1);
        cpu.note(What::Alloc(Class::Folio.obj(id.0)));
        self.page_table_check_zero(cpu, id);
        Some(id)
    }

    /// `folio_get`, of a folio that somebody already holds.
    pub fn folio_get(&self, cpu: &Cpu<'_>, id: FolioId) {
        self.folio_ref_add(cpu, id, 1);
    }

    /// `folio_ref_add`: adds (or subtracts) references, which must not become 0.
    pub fn folio_ref_add(&self, cpu: &Cpu<'_>, id: FolioId, refs: i64) {
        if refs == 0 {
            return;
        }
        let refcount = &self.folio(id).refcount;
        cpu.debts.pay(refcount.obj(), refs);
        let left = refcount.add_return(cpu, refs);
        if left < 0 || (left == 0 && refs < 0) {
            cpu.splat(Splat::Negative(refcount.obj()));
        }
    }

    /// `folio_try_get`: a reference, unless the folio is free or frozen.
    pub fn folio_try_get(&self, cpu: &Cpu<'_>, id: FolioId) -> bool {
        let refcount = &self.folio(id).refcount;
        let got = refcount.inc_not_zero(cpu);
        if got {
            cpu.debts.pay(refcount.obj(), 1);
        }
        got
    }

    /// `folio_put`: gives one reference back; the last one frees the folio.
    pub fn folio_put(&self, cpu: &Cpu<'_>, id: FolioId) {
        self.folio_put_refs(cpu, id, 1);
    }

    /// `folio_put_refs`.
    pub fn folio_put_refs(&self, cpu: &Cpu<'_>, id: FolioId, refs: i64) {
        let refcount = &self.folio(id).refcount;
        cpu.debts.pay(refcount.obj(), -refs);
        let left = refcount.add_return(cpu, -refs);
        if left < 0 {
            cpu.splat(Splat::Negative(refcount.obj()));
        } else if left == 0 {
            self.free_folio(cpu, id);
        }
    }

    /// `folio_ref_freeze`: sets the count to 0 if it is `expected`.
    pub fn folio_ref_freeze(&self, cpu: &Cpu<'_>, id: FolioId, expected: i64) -> bool {
        let refcount = &self.folio(id).refcount;
        let frozen = refcount.cmpxchg(cpu, expected as u64, 0).is_ok();
        if frozen {
            cpu.debts.pay(refcount.obj(), -expected);
        }
        frozen
    }

    /// `folio_ref_unfreeze`.
    pub fn folio_ref_unfreeze(&self, cpu: &Cpu<'_>, id: FolioId, refs: i64) {
        let refcount = &self.folio(id).refcount;
        refcount.write_once(cpu, refs as u64);
        cpu.debts.pay(refcount.obj(), refs);
    }

    /// The last reference is gone: `free_pages_prepare`, with its checks, and the slot is free again.
    pub(super) fn free_folio(&self, cpu: &Cpu<'_>, id: FolioId) {
        let folio = self.folio(id);
        let mapped = folio.entire_mapcount.peek() as i64 >= 0
            || self.folios.pfns(id).any(|pfn| self.page(pfn).mapcount.peek() as i64 >= 0);
        if mapped || folio.lock.is_locked() || matches!(folio.peek_mapping(), Mapping::File(_)) {
            cpu.splat(Splat::FolioFreedInUse(Class::Folio.obj(id.0)));
        }
        self.page_table_check_zero(cpu, id);
        cpu.note(What::Free(Class::Folio.obj(id.0)));
        self.folios.scrub(id);
        folio.generation.fetch_add(1, Ordering::SeqCst);
        folio.allocated.store(0, Ordering::SeqCst);
    }

    /// `mm_counter(page)`: which rss counter counts its mappings.
    pub fn mm_counter(&self, id: FolioId) -> Rss {
        if self.folio(id).is_anon() { Rss::Anon } else { self.mm_counter_file(id) }
    }

    /// `mm_counter_file(page)`.
    pub fn mm_counter_file(&self, id: FolioId) -> Rss {
        if self.folio(id).has(flags::SWAPBACKED) { Rss::Shmem } else { Rss::File }
    }

    /// `folio_mapped`, without a step.
    pub fn folio_mapped(&self, id: FolioId) -> bool {
        self.folio(id).entire_mapcount.peek() as i64 >= 0
            || self.folios.pfns(id).any(|pfn| self.page(pfn).mapcount.peek() as i64 >= 0)
    }

    /// What the folio is known as.
    pub fn folio_obj(id: FolioId) -> Obj {
        Class::Folio.obj(id.0)
    }
}
