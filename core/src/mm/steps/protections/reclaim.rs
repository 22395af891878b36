//! Folios: reclaim, migration, split.

use super::{ALL, FIXED, Protection};
use crate::mm::folio;

protections! {
    reclaim_flush_dirty ALL "reclaim flushes a page that a CPU could still write to before it is written out" |s| s.reclaim_flush_dirty = |_, _| {};
    reclaim_flush ALL "reclaim flushes before it frees" |s| s.reclaim_flush = |_, _| {};
    reclaim_flush_removed FIXED "... and before the folio leaves its cache: a fault makes another one, and a CPU must not read the old one still" |s| s.reclaim_flush_removed = |_, _| {};
    reclaim_defer_flush FIXED "... and at once what MADV_FREE has marked: a fault makes a new page without waiting" |s| s.reclaim_defer_flush = |_, _| true;
    reclaim_freeze ALL "reclaim takes a folio from its cache only if nobody else holds it" |s| s.reclaim_freeze = folio::freeze_any;
    reclaim_dirty_recheck ALL "... and if it is still clean" |s| s.reclaim_dirty_recheck = |_, _| false;
    lazyfree_dirty_check ALL "a page after MADV_FREE stays if it was written to" |s| s.lazyfree_dirty_check = |_, _| false;
    migrate_flush ALL "a migration flushes before it copies" |s| s.migrate_flush = |_, _| {};
    migrate_freeze ALL "a migration moves a folio only if nobody else holds it" |s| s.migrate_freeze = folio::freeze_any;
    split_freeze ALL "a folio is split only if nobody else holds it" |s| s.split_freeze = folio::freeze_any;
    share_pinned_check ALL "a page that may be pinned stays exclusive" |s| s.share_pinned_check = |_, _, _| false;
}
