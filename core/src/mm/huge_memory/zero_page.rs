//! The huge zero page: what a read fault of anonymous memory may map, without any counter.
//!
//! The kernel allocates it with its first user and lets a shrinker free it. Here it is always there: nobody decides
//! anything by its reference count.

use crate::mm::kernel::Kernel;
use crate::mm::types::{Pfn, Pmd, ZERO_PFN};

impl Kernel {
    /// `is_huge_zero_pmd`.
    #[inline]
    pub fn is_huge_zero_pmd(&self, pmd: Pmd) -> bool {
        pmd.is_trans_huge() && pmd.pfn() == self.folios.huge_zero_page()
    }

    /// Whether a frame is the zero page, or part of the huge one: neither is counted.
    #[inline]
    pub fn is_zero_page(&self, pfn: Pfn) -> bool {
        pfn == ZERO_PFN || pfn >= self.folios.huge_zero_page()
    }
}
