//! The names of everything that a word of the page tables can name.

/// An address, in base pages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Vaddr(pub u32);

/// A page frame number. Frame 0 is no frame, frame 1 is the zero page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Pfn(pub u32);

/// The frame of the shared zero page.
pub(in crate::mm) const ZERO_PFN: Pfn = Pfn(1);

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
