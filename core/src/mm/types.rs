//! The words of the page tables, and the names of everything that they name.

/// An address, in base pages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Vaddr(pub u32);

/// A page frame number. Frame 0 is no frame, frame 1 is the zero page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Pfn(pub u32);

/// The frame of the shared zero page.
pub(super) const ZERO_PFN: Pfn = Pfn(1);

/// The first frame of the PTE tables: no data page has such a frame.
const TABLE_FRAMES: u64 = 1 << 20;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($int:ty);)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub $int);
        impl $name {
            /// The index into the arena.
            #[inline]
            pub fn idx(self) -> usize { self.0 as usize }
        }
    )* };
}

ids! {
    /// An mm_struct.
    MmId(u8);
    /// A vm_area_struct.
    VmaId(u8);
    /// An address_space, and the inode that it belongs to.
    FileId(u8);
    /// An anon_vma.
    AnonVmaId(u8);
    /// A PTE table.
    TableId(u16);
    /// A folio. Small folios bear the number of their page; see `folio.rs`.
    FolioId(u32);
    /// A swap slot.
    SwapId(u16);
}

/// The four rss counters of an mm (`MM_FILEPAGES` ...).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Rss {
    /// `MM_FILEPAGES`: pages of ordinary files.
    File = 0,
    /// `MM_ANONPAGES`.
    Anon = 1,
    /// `MM_SWAPENTS`.
    Swap = 2,
    /// `MM_SHMEMPAGES`: swap-backed pages that are not anonymous.
    Shmem = 3,
}

impl Rss {
    /// The names of the counters, by number.
    pub const NAMES: [&str; 4] = ["MM_FILEPAGES", "MM_ANONPAGES", "MM_SWAPENTS", "MM_SHMEMPAGES"];
}

const PRESENT: u64 = 1 << 0;
const RW: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const PSE: u64 = 1 << 7;
const SPECIAL: u64 = 1 << 9;
// Not-present entries carry their type in bits 1..=4, which the hardware ignores while PRESENT is clear.
const SWAP: u64 = 1 << 1;
const MIGRATION: u64 = 1 << 2;
const EXCLUSIVE: u64 = 1 << 3;
const WRITABLE: u64 = 1 << 4;
const SHIFT: u32 = 12;

/// The value of a PTE.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Pte(pub u64);

impl Pte {
    /// The empty entry.
    pub const NONE: Pte = Pte(0);

    /// A present user entry.
    pub fn present(pfn: Pfn, write: bool) -> Pte {
        Pte(u64::from(pfn.0) << SHIFT | PRESENT | USER | ACCESSED | if write { RW } else { 0 })
    }

    /// The read-only entry of the zero page, which no counter knows.
    pub fn zero_page() -> Pte {
        Pte(Pte::present(ZERO_PFN, false).0 | SPECIAL)
    }

    /// A swap entry.
    pub fn swap(slot: SwapId, exclusive: bool) -> Pte {
        Pte(u64::from(slot.0) << SHIFT | SWAP | if exclusive { EXCLUSIVE } else { 0 })
    }

    /// A migration entry of an anonymous page: writable, readable-exclusive or readable.
    pub fn migration(pfn: Pfn, write: bool, exclusive: bool) -> Pte {
        let kind = if write { WRITABLE } else { 0 } | if exclusive { EXCLUSIVE } else { 0 };
        Pte(u64::from(pfn.0) << SHIFT | MIGRATION | kind)
    }

    /// `pte_none`.
    #[inline]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// `pte_present`.
    #[inline]
    pub fn is_present(self) -> bool {
        self.0 & PRESENT != 0
    }

    /// `pte_write`.
    #[inline]
    pub fn is_write(self) -> bool {
        self.is_present() && self.0 & RW != 0
    }

    /// `pte_dirty`.
    #[inline]
    pub fn is_dirty(self) -> bool {
        self.is_present() && self.0 & DIRTY != 0
    }

    /// `pte_special`: the zero page.
    #[inline]
    pub fn is_special(self) -> bool {
        self.is_present() && self.0 & SPECIAL != 0
    }

    /// Whether it is a swap entry, and of which slot.
    #[inline]
    pub fn swap_slot(self) -> Option<SwapId> {
        (!self.is_present() && self.0 & SWAP != 0).then_some(SwapId((self.0 >> SHIFT) as u16))
    }

    /// Whether it is a migration entry.
    #[inline]
    pub fn is_migration(self) -> bool {
        !self.is_present() && self.0 & MIGRATION != 0
    }

    /// Whether a swap or migration entry stands for an exclusive page.
    #[inline]
    pub fn is_exclusive_entry(self) -> bool {
        !self.is_present() && self.0 & EXCLUSIVE != 0
    }

    /// Whether a migration entry stands for a writable one.
    #[inline]
    pub fn is_writable_migration(self) -> bool {
        self.is_migration() && self.0 & WRITABLE != 0
    }

    /// `pte_pfn`: the frame bits, without a look at the type.
    #[inline]
    pub fn pfn(self) -> Pfn {
        Pfn((self.0 >> SHIFT) as u32)
    }

    /// `pte_mkwrite`.
    #[must_use]
    pub fn mkwrite(self) -> Pte {
        Pte(self.0 | RW)
    }

    /// `pte_mkdirty`.
    #[must_use]
    pub fn mkdirty(self) -> Pte {
        Pte(self.0 | DIRTY)
    }

    /// The DIRTY bit, as the hardware sets it.
    pub const DIRTY_BIT: u64 = DIRTY;
    /// The ACCESSED bit, as the hardware sets it.
    pub const ACCESSED_BIT: u64 = ACCESSED;
}

/// The value of a PMD entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Pmd(pub u64);

impl Pmd {
    /// The empty entry.
    pub const NONE: Pmd = Pmd(0);

    /// An entry that links a PTE table. All of them carry the same low bits.
    pub fn table(table: TableId) -> Pmd {
        Pmd((TABLE_FRAMES + u64::from(table.0)) << SHIFT | PRESENT | RW | USER | ACCESSED | DIRTY)
    }

    /// `mk_huge_pmd`: an entry that maps a huge page.
    pub fn huge(pfn: Pfn, write: bool) -> Pmd {
        Pmd(Pte::present(pfn, write).0 | PSE)
    }

    /// `pmd_none`.
    #[inline]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// `pmd_present`.
    #[inline]
    pub fn is_present(self) -> bool {
        self.0 & (PRESENT | PSE) != 0
    }

    /// `pmd_trans_huge`.
    #[inline]
    pub fn is_trans_huge(self) -> bool {
        self.0 & PSE != 0
    }

    /// Whether it links a table.
    #[inline]
    pub fn is_table(self) -> bool {
        self.is_present() && !self.is_trans_huge()
    }

    /// `pmd_write`.
    #[inline]
    pub fn is_write(self) -> bool {
        self.0 & RW != 0
    }

    /// `pmd_dirty`.
    #[inline]
    pub fn is_dirty(self) -> bool {
        self.0 & DIRTY != 0
    }

    /// `pmd_pgtable`: the frame bits read as a table, without a look at the type. `None`: no such table.
    #[inline]
    pub fn pgtable(self) -> Option<TableId> {
        (self.0 >> SHIFT)
            .checked_sub(TABLE_FRAMES)
            .and_then(|id| u16::try_from(id).ok())
            .map(TableId)
    }

    /// `pmd_pfn`: the frame bits read as a page.
    #[inline]
    pub fn pfn(self) -> Pfn {
        Pfn((self.0 >> SHIFT) as u32)
    }

    /// `pmd_mkdirty`.
    #[must_use]
    pub fn mkdirty(self) -> Pmd {
        Pmd(self.0 | DIRTY)
    }
}
