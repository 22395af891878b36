//! The kernel core: page tables that are changed while others walk them, in the words of `mm/`.
//!
//! Layer L2, imports `sync` only: it has never heard of fibres, oracles or programs. Every function that
//! can be preempted takes a `&Cpu`. The order of the locks is the ladder in `rank.rs`.

pub mod class;
mod file_write;
mod filemap;
mod filemap_fault;
mod folio;
mod fork;
mod gup;
mod hmm;
mod huge_memory;
mod interval_tree;
mod kernel;
pub mod khugepaged;
mod kvm;
mod lockdep;
mod lru;
mod madvise;
mod madvise_free;
mod madvise_pageout;
mod madvise_remove;
mod memory;
mod migrate;
mod mincore;
mod mm_struct;
mod mmap;
mod mmap_lock;
mod mmget;
mod mmu_notifier;
mod mprotect;
mod mremap;
mod names;
mod observe;
mod oom_kill;
mod open;
mod page_alloc;
mod page_table_check;
mod pagewalk;
pub mod pgtable;
pub mod place;
mod pt_reclaim;
mod rank;
mod rcu;
mod rmap;
mod shmem;
mod shmem_fallocate;
mod shmem_swap;
mod shmem_undo;
pub mod steps;
mod swap;
mod swap_state;
mod swapops;
mod task_mmu;
mod tlb;
mod truncate;
mod tunables;
mod types;
mod userfaultfd;
mod vma;
mod vmscan;

pub use filemap::{AddressSpace, Slot};
pub use folio::{COMPOUND_MAPPED, Folio, Folios, Mapping, Page, flags, small_folios};
pub use gup::{FollFlags, GupHeld, HeldPage, UserPage};
pub use interval_tree::{IntervalTree, VmaVec};
pub use kernel::{
    Config, FILE_UNITS_MAX, FILES_MAX, Kernel, MMS_MAX, Ptlock, UNITS_MAX, VMAS_MAX, Width,
};
pub use lru::LruBatch;
pub use madvise::FlagAdvice;
pub use memory::Signal;
pub use mm_struct::{MmStruct, mmf};
pub use mmap::{MergeWith, VmaPrepare};
pub use mmu_notifier::{Interval, Itree, Mirror, Shadow, Subscriptions};
pub use mprotect::CpFlags;
pub use names::{object_name, value_name};
pub use observe::{KpageFlags, Meminfo, Status};
pub use rmap::{AnonVma, GUP_PIN_COUNTING_BIAS, RmapFlags, RmapLock, TlbUbc, TtuFlags};
pub use swap::swap_slots;
pub use task_mmu::{PagemapEntry, Smaps};
pub use tlb::{AccessFault, Translation, UserAccess};
pub use tunables::{MaxPtes, ShmemHuge, ThpEnabled};
pub use types::{
    AnonVmaId, FileId, FolioId, MmId, Pfn, PgProt, Pmd, Pte, Rss, SwapId, TableId, Vaddr, VmaId,
};
pub use userfaultfd::{Mfill, Userfaultfd};
pub use vma::{AnonVmaChain, VmArea, VmFlags, VmaSpec};
