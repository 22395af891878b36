//! The steps of swap.

use super::group::steps;
use crate::mm::kernel::Kernel;
use crate::mm::memory::swapin_sync;
use crate::mm::types::SwapId;
use crate::sync::Cpu;

steps! {
    /// The part of the table that is about swap.
    pub struct SwapSteps;

    /// A swap-in past the swap cache marks the slot.
    swapcache_prepare: fn(&Cpu<'_>, &Kernel, SwapId) -> bool = swapin_sync::prepare_nothing;
    /// ... and takes the mark off.
    swapcache_clear: fn(&Cpu<'_>, &Kernel, SwapId) = |_, _, _| {};
}

impl SwapSteps {
    /// With the fixes.
    pub const FIXED: SwapSteps = SwapSteps {
        swapcache_prepare: swapin_sync::swapcache_prepare,
        swapcache_clear: swapin_sync::swapcache_clear,
    };
}
