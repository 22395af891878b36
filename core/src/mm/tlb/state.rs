//! `cpu_tlbstate`: which address space a CPU has loaded, and of which time what it has cached is.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::mm::class::Class;
use crate::mm::kernel::MMS_MAX;
use crate::mm::types::MmId;
use crate::sync::Word;

/// One CPU's state. Only the CPU itself, or an interrupt on it, changes it.
///
/// ASIDs are folded: there is one for each mm, so what is cached of an mm survives a switch to another.
#[derive(Debug)]
pub struct CpuTlbstate {
    /// `loaded_mm`: 0 is init_mm, else the mm's number + 1.
    loaded_mm: AtomicU32,
    /// `is_lazy`: a kernel thread runs, which needs no user memory; `loaded_mm` stays loaded. Others read it.
    pub is_lazy: Word,
    /// The CPU leaves lazy mode and has not compared its `tlb_gen` yet: it uses no user memory, as with
    /// LOADED_MM_SWITCHING.
    catching_up: AtomicBool,
    /// `ctxs[].tlb_gen`, by mm: up to which flush of the mm the CPU has followed.
    ctx_tlb_gen: [AtomicU64; MMS_MAX],
}

impl CpuTlbstate {
    pub(super) fn new(cpu: u8) -> CpuTlbstate {
        CpuTlbstate {
            loaded_mm: AtomicU32::new(0),
            is_lazy: Word::new(Class::Tlb.obj(512 + u32::from(cpu)), 0),
            catching_up: AtomicBool::new(false),
            ctx_tlb_gen: Default::default(),
        }
    }

    pub(super) fn reset(&mut self) {
        *self.loaded_mm.get_mut() = 0;
        self.is_lazy.poke(0);
        *self.catching_up.get_mut() = false;
        self.ctx_tlb_gen = Default::default();
    }

    /// `loaded_mm`; `None` is init_mm.
    #[inline]
    pub fn loaded_mm(&self) -> Option<MmId> {
        self.loaded_mm.load(Ordering::SeqCst).checked_sub(1).map(|mm| MmId(mm as u8))
    }

    pub(super) fn set_loaded_mm(&self, mm: Option<MmId>) {
        self.loaded_mm.store(mm.map_or(0, |mm| u32::from(mm.0) + 1), Ordering::SeqCst);
    }

    pub(super) fn set_catching_up(&self, catching_up: bool) {
        self.catching_up.store(catching_up, Ordering::SeqCst);
    }

    /// Whether user memory of the mm can be used right now, with what is cached.
    pub(super) fn uses(&self, mm: MmId) -> bool {
        self.runs(mm) && !self.catching_up.load(Ordering::SeqCst)
    }

    /// Whether the mm is loaded for a user thread.
    #[inline]
    pub fn runs(&self, mm: MmId) -> bool {
        self.loaded_mm() == Some(mm) && self.is_lazy.peek() == 0
    }

    /// Up to which flush of the mm the CPU has followed.
    pub fn tlb_gen(&self, mm: MmId) -> u64 {
        self.ctx_tlb_gen[mm.idx()].load(Ordering::SeqCst)
    }

    pub(super) fn set_tlb_gen(&self, mm: MmId, generation: u64) {
        self.ctx_tlb_gen[mm.idx()].store(generation, Ordering::SeqCst);
    }
}
