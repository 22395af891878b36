//! `mmu_notifier.c` and who subscribes.

use super::{ALL, Protection};
use crate::mm::mmu_notifier;

protections! {
    kvm_in_progress ALL "KVM does not map a page while its invalidation is in progress" |s| s.kvm_in_progress = |_, _, _| false;
    kvm_seq ALL "... nor after any invalidation has ended since it looked the page up" |s| s.kvm_seq_changed = |_, _, _| false;
    interval_read_retry ALL "a device does not map a page after its interval was invalidated" |s| s.interval_read_retry = |_, _, _| false;
    interval_wait ALL "... nor while that is in progress" |s| s.interval_wait = |_, _, _| {};
    interval_insert ALL "a subscription takes effect when the invalidations in progress have ended" |s| s.interval_insert = mmu_notifier::insert_at_once;
}
