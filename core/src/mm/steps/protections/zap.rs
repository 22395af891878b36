//! What zap and the gather that it fills rely on (kernel-semantics sections 6.4 and 11.1).

use super::{ALL, Protection};

protections! {
    zap_notifier ALL "mirrors are told before a zap" |s| { s.zap.notify_start = |_, _, _, _, _| {}; s.zap.notify_end = |_, _, _, _, _| {}; };
    zap_notifier_end ALL "... and that it is over" |s| s.zap.notify_end = |_, _, _, _, _| {};
    zap_batched_pending ALL "zap_pte_range() makes up for flushes that reclaim has put off" |s| s.zap.batched_pending = |_, _, _| {};
    zap_taken_out ALL "... believes the entry that it has taken out, not the one that it has seen before: the hardware may have set the dirty bit" |s| s.zap.taken_out = |seen, _| seen;
    zap_delay_rmap ALL "... keeps the rmap of a dirty page of a file until the flush" |s| s.zap.delay_rmap = |_| false;
    zap_flush_under_ptl ALL "... which comes before that, and before ptl is dropped" |s| s.zap.flush_under_ptl = |_, _, _| {};
    zap_counter ALL "... corrects the rss counters" |s| s.zap.add_counter = |_, _, _, _, _| {};
    zap_wait_for_pmd ALL "a zap of one huge folio waits for another one that has cleared its PMD" |s| s.zap.wait_for_pmd = |_, _, _| {};
    gather_flush ALL "a gather flushes before it frees" |s| s.zap.gather_flush = |_, _, _| {};
    gather_nested ALL "... and all of the mm, if another gather is in flight: that one may have cleared what this one found empty" |s| s.zap.is_nested = |_| false;
}
