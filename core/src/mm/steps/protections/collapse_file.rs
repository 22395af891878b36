//! What `collapse_file()` relies on (kernel-semantics section 8).

use super::{ALL, PRE_SEED, Protection, READ_LOCKED};
use crate::mm::khugepaged::ScanResult;
use crate::mm::khugepaged::collapse_file;
use crate::mm::steps::file::skip_file;

protections! {
    cf_unmap ALL "collapse_file() unmaps each old page" |s| s.file.unmap = |_, _, _| {};
    cf_refcount READ_LOCKED "... which then has three references: pin, cache, isolation" |s| s.file.check_count = |_, _, _| true;
    cf_pages_locked ALL "... stays locked until it has left the page cache" |s| { s.file.keep_locked = |cpu, k, old| k.folio(old).lock.unlock(cpu); s.file.unlock_old = |_, _, _| {}; };
    cf_nr_thps_check ALL "a regular file that somebody has opened for writing gets no huge page" |s| s.file.nr_thps_inc = collapse_file::gather::nr_thps_inc_only;
    cf_fresh_hpage PRE_SEED "each attempt has a huge page that nobody has seen before" |s| { s.file.alloc_hpage = collapse_file::reuse::alloc; s.file.put_hpage = collapse_file::reuse::keep; };
    cf_flush ALL "... and is flushed from all TLBs" |s| s.file.flush = |_, _| {};
    cf_flush_before_copy READ_LOCKED "... before it is copied" |s| { s.file.flush = |_, _| {}; s.file.flush_late = collapse_file::run::flush; };
    cf_charge_holes READ_LOCKED "holes that become pages are charged" |s| s.file.charge_holes = skip_file;
    cf_rollback_holes ALL "... and given back when the collapse fails" |s| s.file.uncharge_holes = skip_file;
    cf_seal_holes READ_LOCKED "holes are sealed before the huge page is stored" |s| s.file.seal_holes = collapse_file::holes::lock_only;
    cf_retry_entries READ_LOCKED "... by RETRY entries" |s| s.file.store_retry = |_, _, _| true;
    cf_recount_holes READ_LOCKED "... and counted again: a fault may have filled one" |s| s.file.recount_holes = |_, _, _| ScanResult::Succeed;
    cf_uffd_missing READ_LOCKED "a VMA registered for missing pages keeps its holes" |s| s.file.uffd_missing = |_, _, _| false;
    cf_uffd_missing_sealed READ_LOCKED "... and is looked for after they were sealed" |s| s.file.seal_holes = collapse_file::holes::seal_after_look;
    cf_uptodate ALL "the huge page is up to date before it can be found" |s| s.file.mark_uptodate = skip_file;
    cf_hpage_locked READ_LOCKED "the huge page is locked until the page tables are gone" |s| { s.file.unlock_hpage_early = collapse_file::run::unlock_hpage; s.file.unlock_hpage = skip_file; };
    cf_retract ALL "page tables over the range are retracted" |s| s.file.retract = collapse_file::run::retract_nothing;
}
