//! The operations: each with its verb and its arguments.

use super::address::{At, FileRef, VmaRef};
use super::slot::{Argument, Role, Slot};
use super::word::{Access, Advice};
use crate::prog::size::Size;
use arbitrary::Arbitrary;

macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident = $verb:literal $( { $($(#[$fdoc:meta])* $field:ident: $type:ty $(as $role:ident)?,)* } )?;)*) => {
        /// One call into the machine.
        ///
        /// A variant's fields take at most six bytes together, because a record of the byte form has no more for them.
        #[derive(Arbitrary, Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Op {
            $($(#[$doc])* $variant $( { $($(#[$fdoc])* $field: $type,)* } )?,)*
        }

        impl Op {
            /// The verb of each variant in program text, in the order of declaration.
            pub const VERBS: &'static [&'static str] = &[$($verb,)*];

            /// One of each variant, about the first of everything.
            pub fn blank() -> [Op; Op::VARIANTS] {
                [$(Op::$variant $( { $($field: Default::default(),)* } )?,)*]
            }

            /// The number of this variant, in the order of declaration.
            pub const fn variant(&self) -> usize {
                #[derive(Clone, Copy)]
                enum Number { $($variant,)* }
                match self {
                    $(Op::$variant $( { $($field: _,)* } )? => Number::$variant as usize,)*
                }
            }

            /// Shows the arguments one after the other, in the order of the text and of the record.
            pub fn visit(&mut self, visit: &mut dyn FnMut(Slot<'_>)) {
                match self {
                    $(Op::$variant $( { $($field,)* } )? => { $($(visit($field.slot(role!($($role)?)));)*)? })*
                }
            }
        }
    };
}

macro_rules! role {
    () => {
        Role::Other
    };
    ($role:ident) => {
        Role::$role
    };
}

operations! {
    /// Load from an address; faults the page in if it must.
    Read = "read" {
        /// The address.
        at: At,
    };
    /// Store to an address; faults or copies the page if it must.
    Write = "write" {
        /// The address.
        at: At,
    };
    /// `madvise()` on a range.
    Madvise = "madvise" {
        /// Start of the range.
        at: At,
        /// Length of the range; zero = to the end of the vma.
        len: Size as Len,
        /// What is asked for.
        advice: Advice,
    };
    /// `munmap()` of a range.
    Munmap = "munmap" {
        /// Start of the range.
        at: At,
        /// Length of the range; zero = to the end of the vma.
        len: Size as Len,
    };
    /// `truncate()` of a file.
    Truncate = "truncate" {
        /// The file.
        file: FileRef,
        /// Its new length.
        len: Size as FileLen,
    };
    /// Reclaim writes the page at an address to swap.
    Swapout = "swapout" {
        /// The address.
        at: At,
    };
    /// Migration moves the page at an address to another folio.
    Migrate = "migrate" {
        /// The address.
        at: At,
    };
    /// `khugepaged` scans a vma.
    Khugepaged = "khugepaged" {
        /// The mapping.
        vma: VmaRef,
    };
    /// A uprobe is written to an address, which then collapses the table under it.
    Uprobe = "uprobe" {
        /// The address.
        at: At,
    };
    /// A guest of KVM faults at an address.
    KvmFault = "kvm_fault" {
        /// The address.
        at: At,
        /// Whether the guest writes.
        access: Access,
    };
    /// This CPU's TLB takes in the translation of an address, as speculation may at any time.
    TlbFill = "tlb_fill" {
        /// The address.
        at: At,
    };
    /// This CPU's TLB forgets the translation of an address, as it may at any time.
    TlbEvict = "tlb_evict" {
        /// The address.
        at: At,
    };
    /// An RCU grace period elapses.
    RcuGp = "rcu_gp";
    /// A page table is allocated for an address and left empty.
    PteAlloc = "pte_alloc" {
        /// The address.
        at: At,
    };
    /// This CPU's batch of folios goes to the LRU.
    LruDrain = "lru_drain";
}

impl Op {
    /// How many variants there are; the byte form reduces its tag by it.
    pub const VARIANTS: usize = Op::VERBS.len();

    /// The verb in program text.
    pub const fn verb(&self) -> &'static str {
        Op::VERBS[self.variant()]
    }

    /// The vma that the operation is about, if it is about one.
    pub fn vma(mut self) -> Option<VmaRef> {
        let mut found = None;
        self.visit(&mut |slot| match slot {
            Slot::At(at) => found = found.or(Some(at.vma)),
            Slot::Vma(vma) => found = found.or(Some(*vma)),
            _ => {}
        });
        found
    }

    /// The address that the operation is about, if it is about one.
    pub fn at(mut self) -> Option<At> {
        let mut found = None;
        self.visit(&mut |slot| {
            if let Slot::At(at) = slot {
                found = found.or(Some(*at));
            }
        });
        found
    }

    /// Whether hardware or a softirq may do it at any time, whatever the program does.
    pub const fn is_environment(&self) -> bool {
        matches!(self, Op::TlbFill { .. } | Op::TlbEvict { .. } | Op::RcuGp | Op::LruDrain)
    }
}
