//! The steps of a forced write by way of get_user_pages, which the eras have in common.

use super::group::steps;
use crate::mm::gup::{self, FollFlags};
use crate::mm::kernel::Kernel;
use crate::mm::types::{Pfn, Pmd, Vaddr, VmaId};
use crate::sync::Cpu;

steps! {
    /// The part of the table that is about FOLL_FORCE.
    pub struct GupSteps;

    /// `can_follow_write_pte`, and the same of a PMD: what is mapped read-only, of a page and with a dirty bit, may be written
    /// to by force.
    can_follow_write: fn(&Kernel, VmaId, FollFlags, Pfn, bool) -> bool = gup::can_follow_write;
    /// What a fault that was handled changes in what is still wanted. Nothing.
    after_fault: fn(&Kernel, VmaId, Vaddr, &mut FollFlags) = |_, _, _, _| {};
    /// `touch_pmd` of a huge page that was found. Here the young bit is nobody's business, and the folio itself is marked
    /// dirty.
    touch_pmd: fn(&Cpu<'_>, &Kernel, VmaId, Vaddr, Pmd) = |_, _, _, _, _| {};
}
