//! `gup.c` (kernel-semantics section 10).

use super::{ALL, Protection};
use crate::mm::gup;

protections! {
    gup_irq_off ALL "GUP-fast turns interrupts off: no table vanishes under it" |s| { s.gup_irq_save = |_| {}; s.gup_irq_restore = |_| {}; };
    gup_pin_seq ALL "a pin by GUP-fast does not overlap a fork's write-protecting" |s| { s.gup_pin_seq_begin = |_, _, _| Some(0); s.gup_pin_seq_retry = |_, _, _, _| false; };
    gup_head_recheck ALL "GUP-fast asks again which folio it has a reference of" |s| s.gup_try_get = gup::try_get_folio_unchecked;
    gup_pmd_recheck ALL "GUP-fast looks at the PMD entry again when it has the reference" |s| s.gup_pmd_recheck = |_, _, _| true;
    gup_pte_recheck ALL "GUP-fast looks at the PTE again when it has the reference" |s| s.gup_pte_recheck = |_, _, _, _, _| true;
    gup_fast_pin_allowed ALL "GUP-fast refuses a long-term pin of a page that may need dirty tracking" |s| s.gup_fast_pin_allowed = |_, _, _, _| true;
    gup_must_unshare ALL "a page that is shared is not pinned for reading" |s| s.gup_must_unshare = |_, _, _, _, _| false;
}
