//! The running kernel: every object of the machine, its configuration, and the table of steps that it follows.

use super::filemap::AddressSpace;
use super::folio::Folios;
use super::gup::GupHeld;
use super::khugepaged::slot::Slots;
use super::lru::LruBatch;
use super::mm_struct::MmStruct;
use super::page_alloc::FailAlloc;
use super::pgtable::PteTables;
use super::rmap::{AnonVmas, TlbUbc};
use super::steps::Steps;
use super::swap::SwapDevice;
use super::tlb::Tlb;
use super::tunables::{MaxPtes, ShmemHuge, ThpEnabled};
use super::types::{FileId, MmId};
use super::vma::Vmas;
use crate::sync::{CPUS_MAX, Smp};

/// mm_structs of a machine.
pub const MMS_MAX: usize = 4;
/// Files of a machine.
pub const FILES_MAX: usize = 2;
/// The size of an address space, in huge units.
pub const UNITS_MAX: usize = 8;
/// The size of a file, in huge units.
pub const FILE_UNITS_MAX: usize = 4;
/// VMAs of a machine.
pub const VMAS_MAX: usize = 32;

/// Which page-table locks there are (`USE_SPLIT_PTE_PTLOCKS`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ptlock {
    /// Each table has its own; pml != ptl.
    #[default]
    Split,
    /// There is `mm->page_table_lock` only; pml == ptl.
    None,
}

/// How wide a PMD entry is, and how it is read without a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Width {
    /// 64 bits, in one load.
    #[default]
    X64,
    /// 64 bits in two words of 32 (`GUP_GET_PXX_LOW_HIGH`).
    Pae,
}

/// The configuration axes of a build (kernel-semantics section 0.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// How wide a PMD entry is.
    pub width: Width,
    /// Which page-table locks there are.
    pub ptlock: Ptlock,
    /// `CONFIG_MMU_GATHER_RCU_TABLE_FREE`: whole address spaces free their tables by RCU, and
    /// `tlb_remove_table_sync_one()` waits for walkers with interrupts off.
    pub rcu_table_free: bool,
    /// `CONFIG_PER_VMA_LOCK`: user faults try the lock of the VMA before mmap_lock.
    pub per_vma_lock: bool,
    /// `CONFIG_PAGE_TABLE_CHECK`.
    pub page_table_check: bool,
    /// `fault_around_bytes`: read faults of files map the pages around too.
    pub fault_around: bool,
    /// The allocator gives out the slot (folio, table, swap slot) that was freed last instead of the one that was free
    /// longest: reuse at once, for ABA.
    pub reuse: bool,
    /// The swap device is synchronous (zram-like): swap-in may go past the swap cache.
    pub sync_swap: bool,
    /// `transparent_hugepage/enabled`.
    pub thp: ThpEnabled,
    /// Which files of shmem may have huge pages.
    pub shmem_huge: ShmemHuge,
    /// `transparent_hugepage/use_zero_page`: read faults of anonymous memory may map the huge zero page.
    pub use_zero_page: bool,
    /// `khugepaged/max_ptes_none`.
    pub max_ptes_none: MaxPtes,
    /// `khugepaged/max_ptes_swap`.
    pub max_ptes_swap: MaxPtes,
    /// `khugepaged/max_ptes_shared`.
    pub max_ptes_shared: MaxPtes,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            width: Width::X64,
            ptlock: Ptlock::Split,
            rcu_table_free: true,
            per_vma_lock: true,
            page_table_check: true,
            fault_around: true,
            reuse: false,
            sync_swap: false,
            thp: ThpEnabled::Madvise,
            shmem_huge: ShmemHuge::Advise,
            use_zero_page: false,
            max_ptes_none: MaxPtes::Default,
            max_ptes_swap: MaxPtes::Default,
            max_ptes_shared: MaxPtes::Default,
        }
    }
}

/// All state of the machine. Every shared field is a word or a lock; nothing is owned by a lock.
#[derive(Debug)]
pub struct Kernel {
    /// Entries of a table, base pages of a huge page.
    pub hpn: u32,
    /// The configuration.
    pub config: Config,
    /// The steps that the era, less what was left out, follows.
    pub steps: Steps,
    /// What the CPUs know of each other.
    pub smp: Smp,
    /// The mm_structs.
    pub mms: Vec<MmStruct>,
    /// The VMAs.
    pub vmas: Vmas,
    /// The page tables.
    pub tables: PteTables,
    /// The folios and their pages.
    pub folios: Folios,
    /// The page caches.
    pub files: Vec<AddressSpace>,
    /// The anon_vmas.
    pub anon_vmas: AnonVmas,
    /// The swap device.
    pub swap: SwapDevice,
    /// The folios that are about to be put on the LRU, by CPU.
    pub lru_batches: Vec<LruBatch>,
    /// The flushes that reclaim and migration have put off, by CPU.
    pub tlb_ubcs: Vec<TlbUbc>,
    /// The TLBs, one a CPU.
    pub tlbs: Vec<Tlb>,
    /// What each CPU has got from get_user_pages.
    pub gup_held: Vec<GupHeld>,
    /// What khugepaged remembers.
    pub slots: Slots,
    /// The allocations of each CPU that are to fail.
    pub fail_alloc: Vec<FailAlloc>,
}

impl Kernel {
    /// A machine with tables of `hpn` entries (4, 8 or 512).
    pub fn new(hpn: u32, config: Config, steps: Steps) -> Kernel {
        Kernel {
            hpn,
            config,
            steps,
            smp: Smp::default(),
            mms: (0..MMS_MAX).map(|id| MmStruct::new(MmId(id as u8))).collect(),
            vmas: Vmas::new(),
            tables: PteTables::new(hpn),
            folios: Folios::new(hpn),
            files: (0..FILES_MAX).map(|id| AddressSpace::new(FileId(id as u8), hpn)).collect(),
            anon_vmas: AnonVmas::new(),
            swap: SwapDevice::new(hpn),
            lru_batches: (0..CPUS_MAX).map(|id| LruBatch::new(id as u8)).collect(),
            tlb_ubcs: (0..CPUS_MAX).map(|_| TlbUbc::default()).collect(),
            tlbs: (0..CPUS_MAX).map(|id| Tlb::new(id as u8)).collect(),
            gup_held: (0..CPUS_MAX).map(|_| GupHeld::default()).collect(),
            slots: Slots::new(),
            fail_alloc: (0..CPUS_MAX).map(|_| FailAlloc::default()).collect(),
        }
    }

    /// Back to the state of a machine that has just booted, in time proportional to what the last run touched.
    pub fn reset(&mut self, config: Config, steps: Steps) {
        self.config = config;
        self.steps = steps;
        self.smp.reset();
        self.mms.iter_mut().for_each(MmStruct::reset);
        self.vmas.reset(config.reuse);
        self.tables.reset();
        self.folios.reset();
        self.files.iter_mut().for_each(AddressSpace::reset);
        self.anon_vmas.reset(config.reuse);
        self.swap.reset();
        self.lru_batches.iter_mut().for_each(LruBatch::reset);
        self.tlb_ubcs.iter_mut().for_each(TlbUbc::reset);
        self.tlbs.iter_mut().for_each(Tlb::reset);
        self.gup_held.iter_mut().for_each(GupHeld::reset);
        self.slots.reset();
        self.fail_alloc.iter_mut().for_each(FailAlloc::reset);
    }

    /// The mm_struct.
    #[inline]
    pub fn mm(&self, mm: MmId) -> &MmStruct {
        &self.mms[mm.idx()]
    }

    /// The address_space.
    #[inline]
    pub fn mapping(&self, file: FileId) -> &AddressSpace {
        &self.files[file.idx()]
    }
}
