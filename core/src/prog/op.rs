//! An operation is one call that a CPU makes into the machine.

use super::limits::{AT_UNITS_MAX, FILES_MAX, MMS_MAX, PAGES_MAX, VMAS_MAX};
use super::size::Size;
use arbitrary::{Arbitrary, Result, Unstructured};
use std::fmt;

macro_rules! references {
    ($($(#[$doc:meta])* $name:ident = $letter:literal % $bound:expr;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
        pub struct $name(pub u8);

        impl $name {
            /// The number as an index.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        /// The canonical name of what is meant.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }

        impl<'a> Arbitrary<'a> for $name {
            fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                Ok($name(u8::arbitrary(u)? % $bound as u8))
            }

            fn size_hint(_depth: usize) -> (usize, Option<usize>) {
                (1, Some(1))
            }
        }
    )* };
}

references! {
    /// The n-th address space that the set-up declares.
    MmRef = "m" % MMS_MAX;
    /// The n-th file that the set-up declares.
    FileRef = "f" % FILES_MAX;
    /// The n-th mapping that the set-up declares.
    VmaRef = "v" % VMAS_MAX;
}

/// An address: the start of a vma, `h` huge units and `p` base pages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct At {
    /// The mapping the address lies in.
    pub vma: VmaRef,
    /// Huge units beyond its start; at most [`AT_UNITS_MAX`].
    pub h: u8,
    /// Base pages beyond that; at most [`PAGES_MAX`].
    pub p: u8,
}

impl At {
    /// The start of `vma`.
    pub const fn start(vma: VmaRef) -> At {
        At { vma, h: 0, p: 0 }
    }

    /// The distance from the start of the vma in base pages.
    pub const fn page(self, hpn: u16) -> u32 {
        Size { h: self.h, p: self.p }.pages(hpn)
    }
}

/// Three bytes: `vma`, `h`, `p`.
impl<'a> Arbitrary<'a> for At {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let vma = VmaRef::arbitrary(u)?;
        let h = u8::arbitrary(u)? % (AT_UNITS_MAX + 1);
        Ok(At { vma, h, p: u8::arbitrary(u)? % (PAGES_MAX + 1) })
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (3, Some(3))
    }
}

/// What an `madvise` asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Advice {
    /// `MADV_DONTNEED`: zap the range.
    Dontneed,
    /// `MADV_COLLAPSE`: make a huge page of the range now.
    Collapse,
    /// `MADV_POPULATE_READ`: fault the range in for reading.
    PopulateRead,
    /// `MADV_POPULATE_WRITE`: fault the range in for writing.
    PopulateWrite,
}

impl Advice {
    /// Every advice with its name in program text; the byte form counts in this order.
    pub const ALL: [(Advice, &'static str); 4] = [
        (Advice::Dontneed, "dontneed"),
        (Advice::Collapse, "collapse"),
        (Advice::PopulateRead, "populate_read"),
        (Advice::PopulateWrite, "populate_write"),
    ];

    /// The name in program text.
    pub const fn name(self) -> &'static str {
        Advice::ALL[self as usize].1
    }
}

/// One byte; a derived enum would read four and leave the record.
impl<'a> Arbitrary<'a> for Advice {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Advice::ALL[u8::arbitrary(u)? as usize % Advice::ALL.len()].0)
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (1, Some(1))
    }
}

/// One call into the machine.
///
/// A variant's fields take at most six bytes together, because a record of the byte form has no more for them.
#[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    /// Load from an address; faults the page in if it must.
    Read {
        /// The address.
        at: At,
    },
    /// Store to an address; faults or copies the page if it must.
    Write {
        /// The address.
        at: At,
    },
    /// `madvise()` on a range.
    Madvise {
        /// Start of the range.
        at: At,
        /// Length of the range; zero = to the end of the vma.
        len: Size,
        /// What is asked for.
        advice: Advice,
    },
    /// `munmap()` of a whole vma.
    Munmap {
        /// The mapping.
        vma: VmaRef,
    },
    /// `truncate()` of a file.
    Truncate {
        /// The file.
        file: FileRef,
        /// Its new length.
        len: Size,
    },
    /// Reclaim writes the page at an address to swap.
    Swapout {
        /// The address.
        at: At,
    },
    /// Migration moves the page at an address to another folio.
    Migrate {
        /// The address.
        at: At,
    },
    /// `khugepaged` scans a vma.
    Khugepaged {
        /// The mapping.
        vma: VmaRef,
    },
    /// A uprobe is written to an address, which then collapses the table under it.
    Uprobe {
        /// The address.
        at: At,
    },
    /// A guest of KVM faults at an address.
    KvmFault {
        /// The address.
        at: At,
        /// Whether the guest writes.
        write: bool,
    },
    /// This CPU's TLB takes in the translation of an address, as speculation may at any time.
    TlbFill {
        /// The address.
        at: At,
    },
    /// This CPU's TLB forgets the translation of an address, as it may at any time.
    TlbEvict {
        /// The address.
        at: At,
    },
    /// An RCU grace period elapses.
    RcuGp,
    /// A page table is allocated for an address and left empty.
    PteAlloc {
        /// The address.
        at: At,
    },
}

impl Op {
    /// How many variants there are; the byte form reduces its tag by it.
    pub const VARIANTS: usize = Op::VERBS.len();

    /// The verb of each variant in program text, in the order of declaration.
    pub const VERBS: [&'static str; 14] = [
        "read",
        "write",
        "madvise",
        "munmap",
        "truncate",
        "swapout",
        "migrate",
        "khugepaged",
        "uprobe",
        "kvm_fault",
        "tlb_fill",
        "tlb_evict",
        "rcu_gp",
        "pte_alloc",
    ];

    /// The number of this variant, in the order of declaration.
    pub const fn variant(&self) -> usize {
        match self {
            Op::Read { .. } => 0,
            Op::Write { .. } => 1,
            Op::Madvise { .. } => 2,
            Op::Munmap { .. } => 3,
            Op::Truncate { .. } => 4,
            Op::Swapout { .. } => 5,
            Op::Migrate { .. } => 6,
            Op::Khugepaged { .. } => 7,
            Op::Uprobe { .. } => 8,
            Op::KvmFault { .. } => 9,
            Op::TlbFill { .. } => 10,
            Op::TlbEvict { .. } => 11,
            Op::RcuGp => 12,
            Op::PteAlloc { .. } => 13,
        }
    }

    /// The verb in program text.
    pub const fn verb(&self) -> &'static str {
        Op::VERBS[self.variant()]
    }

    /// The vma that the operation is about, if it is about one.
    pub const fn vma(&self) -> Option<VmaRef> {
        match self {
            Op::Munmap { vma } | Op::Khugepaged { vma } => Some(*vma),
            _ => match self.at() {
                Some(at) => Some(at.vma),
                None => None,
            },
        }
    }

    /// The address that the operation is about, if it is about one.
    pub const fn at(&self) -> Option<At> {
        match self {
            Op::Read { at }
            | Op::Write { at }
            | Op::Madvise { at, .. }
            | Op::Swapout { at }
            | Op::Migrate { at }
            | Op::Uprobe { at }
            | Op::KvmFault { at, .. }
            | Op::TlbFill { at }
            | Op::TlbEvict { at }
            | Op::PteAlloc { at } => Some(*at),
            Op::Munmap { .. } | Op::Truncate { .. } | Op::Khugepaged { .. } | Op::RcuGp => None,
        }
    }
}
