//! What a folio is made of: words of its own, and some of each of its pages.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::mm::class::Class;
use crate::mm::rank;
use crate::mm::types::{AnonVmaId, FileId};
use crate::sync::{Cpu, FolioLock, Word};

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
    /// PG_anon_exclusive: 1 if no other mm can have the page. Of a folio that a PMD maps, the head's counts for all.
    pub anon_exclusive: Word,
    /// page_table_check: `anon_map_count`.
    pub ptc_anon: Word,
    /// page_table_check: `file_map_count`.
    pub ptc_file: Word,
    /// PG_hwpoison: the memory behind it is broken.
    pub(super) hwpoison: AtomicBool,
    /// `compound_head`: the frame of the head.
    pub(super) head: AtomicU32,
}

impl Page {
    pub(super) fn new(pfn: u32) -> Page {
        Page {
            mapcount: Word::new(Class::Mapcount.obj(pfn), -1_i64 as u64),
            content: Word::new(Class::Content.obj(pfn), 0),
            anon_exclusive: Word::new(Class::AnonExclusive.obj(pfn), 0),
            ptc_anon: Word::new(Class::PtcAnon.obj(pfn), 0),
            ptc_file: Word::new(Class::PtcFile.obj(pfn), 0),
            hwpoison: AtomicBool::new(false),
            head: AtomicU32::new(pfn),
        }
    }

    pub(super) fn scrub(&self) {
        [&self.content, &self.anon_exclusive, &self.ptc_anon, &self.ptc_file]
            .iter()
            .for_each(|word| word.poke(0));
        self.mapcount.poke(-1_i64 as u64);
        self.hwpoison.store(false, Ordering::Relaxed);
    }

    /// `PageHWPoison`: whoever copies the page gets an error.
    pub fn is_hwpoison(&self) -> bool {
        self.hwpoison.load(Ordering::SeqCst)
    }
}

/// A folio. Every frame has one, but that of a tail page is not in use.
#[derive(Debug)]
pub struct Folio {
    /// `_refcount`.
    pub refcount: Word,
    /// `_entire_mapcount`: PMDs that map it, less 1.
    pub entire_mapcount: Word,
    /// `_nr_pages_mapped`.
    pub nr_pages_mapped: Word,
    /// `_pincount`: FOLL_PIN references, of a large folio.
    pub pincount: Word,
    /// `flags`, but for PG_locked.
    pub flags: Word,
    /// `mapping`.
    pub mapping: Word,
    /// PG_locked.
    pub lock: FolioLock,
    /// `index`: the page of the file, or that of the VMA (`linear_page_index`).
    pub index: AtomicU32,
    /// How often the frame was freed.
    pub generation: AtomicU32,
    /// Base pages: 1, or HPN.
    pub(super) pages: AtomicU32,
    pub(super) allocated: AtomicU32,
}

impl Folio {
    pub(super) fn new(id: u32) -> Folio {
        let minus_1 = -1_i64 as u64;
        Folio {
            refcount: Word::new(Class::Refcount.obj(id), 0),
            entire_mapcount: Word::new(Class::EntireMapcount.obj(id), minus_1),
            nr_pages_mapped: Word::new(Class::NrPagesMapped.obj(id), 0),
            pincount: Word::new(Class::Pincount.obj(id), 0),
            flags: Word::new(Class::FolioFlags.obj(id), 0),
            mapping: Word::new(Class::Mapping.obj(id), 0),
            lock: FolioLock::new(Class::FolioLock.obj(id), rank::FOLIO_LOCK),
            index: AtomicU32::new(0),
            generation: AtomicU32::new(0),
            pages: AtomicU32::new(1),
            allocated: AtomicU32::new(0),
        }
    }

    pub(super) fn scrub(&self) {
        [&self.refcount, &self.nr_pages_mapped, &self.pincount, &self.flags, &self.mapping]
            .iter()
            .for_each(|word| word.poke(0));
        self.entire_mapcount.poke(-1_i64 as u64);
        self.lock.reset();
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

    /// Whether the frame is the first of a folio that is in use.
    pub fn is_allocated(&self) -> bool {
        self.allocated.load(Ordering::SeqCst) != 0
    }
}
