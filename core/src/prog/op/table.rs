//! The operations: each with its verb and its arguments.

use super::address::{At, FileRef, MmRef, Nth, VmaRef};
use super::slot::{Argument, Role, Slot};
use super::word::{Access, Advice, GupFlags, GupKind, MremapFlags, Prot, Switch, UffdModes};
use crate::prog::setup::Mapped;
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
    /// A device that mirrors a huge unit in the manner of HMM faults at an address.
    HmmFault = "hmm_fault" {
        /// The address.
        at: At,
        /// Whether the device writes.
        access: Access,
    };
    /// This CPU's TLB takes in the translation of an address, as speculation may at any time.
    TlbFill = "tlb_fill" {
        /// The address.
        at: At,
        /// For which access: a walk for a write sets the dirty bit.
        access: Access,
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
    /// `mmap(MAP_FIXED)` over a declared range: what is mapped there goes first.
    Map = "map" {
        /// The mapping.
        vma: VmaRef,
        /// What is mapped; never [`Mapped::Reserved`].
        what: Mapped,
        /// What it permits.
        prot: Prot,
        /// Where in the file it starts; nothing for anonymous memory.
        off: Size as Off,
    };
    /// `mremap(MREMAP_FIXED)` of a range to the start of a declared range of the same mm.
    Mremap = "mremap" {
        /// Start of the range.
        at: At,
        /// Where it goes.
        to: VmaRef,
        /// Length of the range; zero = to the end of the vma.
        len: Size as Len,
        /// How.
        flags: MremapFlags,
    };
    /// `mprotect()` of a range.
    Mprotect = "mprotect" {
        /// Start of the range.
        at: At,
        /// Length of the range; zero = to the end of the vma.
        len: Size as Len,
        /// What it permits from now on.
        prot: Prot,
    };
    /// `fork()`: an mm that was declared unborn comes to life.
    Fork = "fork" {
        /// Whose memory is copied.
        parent: MmRef,
        /// The new one.
        child: MmRef,
    };
    /// The last thread of an mm exits.
    Exit = "exit" {
        /// The address space.
        mm: MmRef,
    };
    /// `fallocate(FALLOC_FL_PUNCH_HOLE)`.
    Punch = "punch" {
        /// The file.
        file: FileRef,
        /// Where in the file.
        off: Size as Off,
        /// How much of it; zero = to the end that a file may have.
        len: Size as Span,
    };
    /// `fallocate()`: the pages are there afterwards.
    Alloc = "alloc" {
        /// The file.
        file: FileRef,
        /// Where in the file.
        off: Size as Off,
        /// How much of it; zero = to the end that a file may have.
        len: Size as Span,
    };
    /// `write()` to one page of a file.
    FileWrite = "file_write" {
        /// The file.
        file: FileRef,
        /// Where in the file.
        off: Size as Off,
    };
    /// A file is opened for writing.
    OpenWrite = "open_write" {
        /// The file.
        file: FileRef,
    };
    /// A file that was opened for writing is closed.
    CloseWrite = "close_write" {
        /// The file.
        file: FileRef,
    };
    /// `get_user_pages_fast()` of one page.
    GupFast = "gup_fast" {
        /// The address.
        at: At,
        /// Whether the page is going to be written (`FOLL_WRITE`).
        access: Access,
        /// What is taken: a reference, a pin, or a pin for long.
        kind: GupKind,
    };
    /// `get_user_pages()` of one page, with mmap_lock.
    GupSlow = "gup_slow" {
        /// The address.
        at: At,
        /// Whether the page is going to be written (`FOLL_WRITE`).
        access: Access,
        /// What is taken: a reference, a pin, or a pin for long.
        kind: GupKind,
        /// Whether it is a debugger (`access_remote_vm()`), if it writes and takes a reference.
        flags: GupFlags,
    };
    /// The reference or pin that this CPU took last is given back.
    Put = "put";
    /// `split_huge_page()` of the folio at an address.
    Split = "split" {
        /// The address.
        at: At,
    };
    /// NUMA balancing makes the entries of a range fault (`change_prot_numa()`).
    Numa = "numa" {
        /// Start of the range.
        at: At,
        /// Length of the range; zero = to the end of the vma.
        len: Size as Len,
    };
    /// Hardware reports an error in the page at an address (`memory_failure()`).
    Poison = "poison" {
        /// The address.
        at: At,
    };
    /// One of the next allocations of this CPU fails.
    FailAlloc = "fail_alloc" {
        /// Which.
        nth: Nth,
    };
    /// The OOM reaper takes the memory of an mm.
    OomReap = "oom_reap" {
        /// The address space.
        mm: MmRef,
    };
    /// `UFFDIO_REGISTER` of a range.
    UffdRegister = "uffd_register" {
        /// Start of the range.
        at: At,
        /// Length of the range; zero = to the end of the vma.
        len: Size as Len,
        /// For what.
        modes: UffdModes,
    };
    /// `UFFDIO_UNREGISTER` of a range.
    UffdUnregister = "uffd_unregister" {
        /// Start of the range.
        at: At,
        /// Length of the range; zero = to the end of the vma.
        len: Size as Len,
    };
    /// `UFFDIO_COPY` of one page.
    UffdCopy = "uffd_copy" {
        /// The address.
        at: At,
    };
    /// `UFFDIO_ZEROPAGE` of one page.
    UffdZeropage = "uffd_zeropage" {
        /// The address.
        at: At,
    };
    /// `UFFDIO_CONTINUE` of one page.
    UffdContinue = "uffd_continue" {
        /// The address.
        at: At,
    };
    /// `UFFDIO_POISON` of one page.
    UffdPoison = "uffd_poison" {
        /// The address.
        at: At,
    };
    /// `UFFDIO_WRITEPROTECT` of a range.
    UffdWp = "uffd_wp" {
        /// Start of the range.
        at: At,
        /// Length of the range; zero = to the end of the vma.
        len: Size as Len,
        /// Whether it is protected or no longer.
        wp: Switch,
    };
    /// `/proc/PID/smaps` of a vma is read.
    Smaps = "smaps" {
        /// The mapping.
        vma: VmaRef,
    };
    /// `/proc/PID/pagemap` of a vma is read.
    Pagemap = "pagemap" {
        /// The mapping.
        vma: VmaRef,
    };
    /// `mincore()` of a range.
    Mincore = "mincore" {
        /// Start of the range.
        at: At,
        /// Length of the range; zero = to the end of the vma.
        len: Size as Len,
    };
    /// This CPU goes on with another address space; with the one that it has, its thread sleeps, and the CPU is lazy.
    ContextSwitch = "context_switch" {
        /// The address space.
        mm: MmRef,
    };
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
        matches!(
            self,
            Op::TlbFill { .. }
                | Op::TlbEvict { .. }
                | Op::RcuGp
                | Op::LruDrain
                | Op::ContextSwitch { .. }
        )
    }
}
