//! The mm_struct: an address space, its locks and its counters.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::class::Class;
use super::kernel::{Kernel, UNITS_MAX};
use super::mmu_notifier::Subscriptions;
use super::pgtable::pae::LinkHistory;
use super::rank;
use super::types::{MmId, Rss, Vaddr};
use super::userfaultfd::Userfaultfd;
use crate::sync::{Cpu, LockClass, Obj, Rwsem, Spinlock, Word};

/// Bits of `mm->flags`.
pub mod mmf {
    /// MMF_VM_HUGEPAGE: khugepaged knows the mm.
    pub const VM_HUGEPAGE: u64 = 1 << 0;
    /// MMF_DISABLE_THP.
    pub const DISABLE_THP: u64 = 1 << 1;
    /// MMF_OOM_SKIP: the OOM reaper finds nothing there any more.
    pub const OOM_SKIP: u64 = 1 << 2;
    /// MMF_UNSTABLE: the OOM reaper has been here, content is lost.
    pub const UNSTABLE: u64 = 1 << 3;
}

/// How far an mm has come. Each is born once at the most; whether it has died since is for `mm_users` to say.
mod life {
    /// Threads of it run, or did.
    pub(super) const BORN: u8 = 0;
    /// Nobody has forked it.
    pub(super) const UNBORN: u8 = 1;
    /// A fork is copying it, or has failed to: no thread of it runs yet.
    pub(super) const FORKED: u8 = 2;
}

/// An address space of [`UNITS_MAX`] huge units. The upper levels are folded into one PMD table.
#[derive(Debug)]
pub struct MmStruct {
    /// Which one.
    pub id: MmId,
    /// `mmap_lock`.
    pub mmap_lock: Rwsem,
    /// `mm_lock_seq`: one more at each release of mmap_lock for write, which so drops the write marks of all VMAs.
    pub mm_lock_seq: Word,
    /// `mm_users`: the threads of the process, and whoever else uses its memory. 0: it exits, or has exited.
    pub mm_users: Word,
    /// `mm_count`: references to the mm_struct itself; all users together have one.
    pub mm_count: Word,
    /// `flags`: the `MMF_` bits of [`mmf`].
    pub flags: Word,
    /// Whether it was born: see [`life`].
    life: AtomicU8,
    /// SIGNAL_GROUP_EXIT of the process: its threads come back from the kernel no more.
    group_exit: AtomicBool,
    /// `page_table_lock`: all table locks if they are not split, and the first setting of a VMA's anon_vma.
    pub page_table_lock: Spinlock,
    /// The lock of the PMD table.
    pub pml: Spinlock,
    /// `pmd_huge_pte`: 0, or the number + 1 of the table that was deposited last. Under pml.
    pub pmd_huge_pte: Word,
    /// The tables that each PMD entry linked lately.
    pub links: Vec<LinkHistory>,
    /// The PMD entries.
    pub pmds: Vec<Word>,
    /// The VMAs in the tree, one bit each.
    pub vma_tree: Word,
    /// `rss_stat`, by [`Rss`].
    pub rss: Vec<Word>,
    /// `pgtables_bytes`, counted in PTE tables.
    pub nr_ptes: Word,
    /// The CPUs that may hold TLB entries of it, one bit each.
    pub cpumask: Word,
    /// `context.tlb_gen`.
    pub tlb_gen: Word,
    /// `tlb_flush_pending`: gathers in flight.
    pub tlb_flush_pending: Word,
    /// `tlb_flush_batched`: unmappings whose flush was put off, and how many of them were flushed since.
    pub tlb_flush_batched: Word,
    /// `write_protect_seq`: odd while a fork write-protects the mm. Written under mmap_lock for write.
    pub write_protect_seq: Word,
    /// The notifier subscriptions and the secondary MMU behind them.
    pub notifier: Subscriptions,
    /// The userfaultfd with which VMAs are registered.
    pub uffd: Userfaultfd,
}

impl MmStruct {
    pub(super) fn new(id: MmId) -> MmStruct {
        let n = u32::from(id.0);
        let pml = LockClass::spinning(rank::PML);
        MmStruct {
            id,
            mmap_lock: Rwsem::new(Class::MmapLock.obj(n), rank::MMAP_LOCK),
            mm_lock_seq: Word::new(Class::VmLockSeq.obj(256 + n), 0),
            mm_users: Word::new(Class::MmUsers.obj(n), 1),
            mm_count: Word::new(Class::MmCount.obj(n), 1),
            flags: Word::new(Class::MmFlags.obj(n), 0),
            life: AtomicU8::new(life::BORN),
            group_exit: AtomicBool::new(false),
            page_table_lock: Spinlock::new(Class::PageTableLock.obj(n), pml),
            pml: Spinlock::new(Class::Pml.obj(n), pml),
            pmd_huge_pte: Word::new(Class::Deposit.obj(n), 0),
            links: (0..UNITS_MAX).map(|_| LinkHistory::default()).collect(),
            pmds: (0..UNITS_MAX as u32)
                .map(|u| Word::new(Class::Pmd.obj(n * UNITS_MAX as u32 + u), 0))
                .collect(),
            vma_tree: Word::new(Class::VmaTree.obj(n), 0),
            rss: (0..4).map(|c| Word::new(Class::Rss.obj(n * 4 + c), 0)).collect(),
            nr_ptes: Word::new(Class::NrPtes.obj(n), 0),
            cpumask: Word::new(Class::Tlb.obj(256 + n), 0),
            tlb_gen: Word::new(Class::TlbGen.obj(n), 0),
            tlb_flush_pending: Word::new(Class::TlbGen.obj(256 + n), 0),
            tlb_flush_batched: Word::new(Class::TlbFlushBatched.obj(n), 0),
            write_protect_seq: Word::new(Class::WriteProtectSeq.obj(n), 0),
            notifier: Subscriptions::new(id),
            uffd: Userfaultfd::new(n),
        }
    }

    pub(super) fn reset(&mut self) {
        self.mmap_lock.reset();
        self.page_table_lock.reset();
        self.pml.reset();
        let words = [
            &self.vma_tree,
            &self.nr_ptes,
            &self.cpumask,
            &self.tlb_gen,
            &self.tlb_flush_pending,
            &self.mm_lock_seq,
            &self.flags,
            &self.tlb_flush_batched,
            &self.pmd_huge_pte,
            &self.write_protect_seq,
        ];
        words.into_iter().chain(&self.pmds).chain(&self.rss).for_each(|word| word.poke(0));
        [&self.mm_users, &self.mm_count].into_iter().for_each(|word| word.poke(1));
        self.links.iter_mut().for_each(LinkHistory::reset);
        *self.life.get_mut() = life::BORN;
        *self.group_exit.get_mut() = false;
        self.notifier.reset();
        self.uffd.reset();
    }

    /// Whether its process ends.
    pub fn is_group_exit(&self) -> bool {
        self.group_exit.load(Ordering::SeqCst)
    }

    pub(super) fn set_group_exit(&self) -> bool {
        self.group_exit.swap(true, Ordering::SeqCst)
    }

    /// `mm_init` of a process that is forked: one user, one reference. `false`: it was forked already.
    pub(super) fn init_forked(&self) -> bool {
        let (unborn, forked) = (life::UNBORN, life::FORKED);
        let free = self.life.compare_exchange(unborn, forked, Ordering::SeqCst, Ordering::SeqCst);
        if free.is_ok() {
            [&self.mm_users, &self.mm_count].into_iter().for_each(|word| word.poke(1));
        }
        free.is_ok()
    }

    /// `wake_up_new_task`: threads of it run from now on. Not a step: they take theirs.
    pub(super) fn wake_up_new_task(&self) {
        self.life.store(life::BORN, Ordering::SeqCst);
    }

    /// Before anybody runs: the mm does not exist until `fork` makes it.
    pub fn init_unborn(&self) {
        self.life.store(life::UNBORN, Ordering::SeqCst);
        [&self.mm_users, &self.mm_count].into_iter().for_each(|word| word.poke(0));
    }

    /// Whether a thread of it has ever run, without a step.
    pub fn is_born(&self) -> bool {
        self.life.load(Ordering::SeqCst) == life::BORN
    }

    /// Whether anybody uses its memory, without a step.
    pub fn is_alive(&self) -> bool {
        self.mm_users.peek() != 0
    }

    /// The slot of the PMD entry that covers `addr`.
    #[inline]
    pub fn pmdp(&self, addr: Vaddr, hpn: u32) -> &Word {
        &self.pmds[(addr.0 / hpn) as usize % UNITS_MAX]
    }

    /// What an rss counter is known as.
    pub fn rss_obj(&self, which: Rss) -> Obj {
        self.rss[which as usize].obj()
    }

    /// `add_mm_counter`.
    pub fn add_counter(&self, cpu: &Cpu<'_>, which: Rss, pages: i64) {
        if pages != 0 {
            cpu.debts.pay(self.rss_obj(which), pages);
            self.rss[which as usize].add_return(cpu, pages);
        }
    }

    /// `mm_inc_nr_ptes`.
    pub fn inc_nr_ptes(&self, cpu: &Cpu<'_>) {
        cpu.debts.pay(self.nr_ptes.obj(), 1);
        self.nr_ptes.add_return(cpu, 1);
    }

    /// `mm_dec_nr_ptes`.
    pub fn dec_nr_ptes(&self, cpu: &Cpu<'_>) {
        cpu.debts.pay(self.nr_ptes.obj(), -1);
        let left = self.nr_ptes.add_return(cpu, -1);
        if left < 0 {
            cpu.splat(crate::sync::Splat::Negative(self.nr_ptes.obj()));
        }
    }
}

impl Kernel {
    /// The address of the huge unit around `addr` (`addr & HPAGE_PMD_MASK`).
    #[inline]
    pub fn haddr(&self, addr: Vaddr) -> Vaddr {
        Vaddr(addr.0 / self.hpn * self.hpn)
    }

    /// The slot of the PMD entry that covers `addr`.
    #[inline]
    pub fn pmdp(&self, mm: MmId, addr: Vaddr) -> &Word {
        self.mm(mm).pmdp(addr, self.hpn)
    }
}
