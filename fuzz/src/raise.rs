//! To raise a violation is to panic from a function that has the oracle's name.
//!
//! Crash sorters go by the names of the innermost functions and may not read the message, so oracles that shared one
//! panic would be one crash to them. The message is `ORACLE in FUNCTION` and holds nothing that varies from run to run.

macro_rules! raisers {
    ($($oracle:ident)*) => {
        /// One function an oracle.
        mod raised {
            $(
                #[cold]
                #[inline(never)]
                pub(super) fn $oracle(function: &str) -> ! {
                    panic!("{} in {function}", stringify!($oracle));
                }
            )*
        }

        const RAISERS: &[(&str, fn(&str) -> !)] = &[$((stringify!($oracle), raised::$oracle)),*];
    };
}

raisers! {
    access_not_permitted
    anon_vma_inconsistent
    anon_vma_used_after_free
    bad_rss_counter
    bad_shmem_accounting
    bogus_table_entry
    cached_data_hidden
    change_outside_notifier_range
    codec
    collapse_result
    deadlock
    deposit_mismatch
    eras_differ
    folio_freed_in_use
    gather_left_open
    gup_page_not_mapped
    gup_pin_not_allowed
    held_page_freed
    held_page_written
    hpage_pte_appeared
    huge_and_small_coexist
    khugepaged_slot_mismatch
    livelock
    lock_left_held
    lock_must_not_be_held
    lock_not_held
    lock_order
    lost_write
    madvise_result
    mapcount_mismatch
    migration_entry_left
    migration_entry_unlocked
    mm_count_mismatch
    notifier_range_left_open
    nr_ptes_mismatch
    page_cache_inconsistent
    page_table_check
    page_table_check_false_alarm
    panic
    pgtable_leak
    pgtable_used_after_free
    pin_separated
    pincount_mismatch
    refcount_mismatch
    replaced_before_flush
    secondary_mmu_stale
    sleep_in_atomic
    stale_translation
    swap_count_mismatch
    table_linkage
    table_unlinked_with_entries
    torn_entry
    uffd_event_lost
    uffd_wake_lost
    uffd_wp_lost
    unlock_not_owner
    vm_bug_on
    vma_inconsistent
    vma_used_after_free
    walk_miscounted
    write_to_detached_table
}

/// Panics with `ORACLE in FUNCTION`.
///
/// # Panics
/// Always.
#[cold]
pub fn raise(oracle: &str, function: &str) -> ! {
    match RAISERS.iter().find(|(name, _)| *name == oracle) {
        Some((_, raiser)) => raiser(function),
        None => panic!("{oracle} in {function}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{RAISERS, raise};

    #[test]
    fn each_oracle_has_its_function() {
        let ours = [crate::codec::ORACLE, crate::protocols::ORACLE];
        let theirs = racewalk::ORACLES.iter().map(|oracle| oracle.name);
        let mut oracles: Vec<&str> = theirs.chain(ours).collect();
        oracles.sort_unstable();
        assert_eq!(RAISERS.iter().map(|raiser| raiser.0).collect::<Vec<_>>(), oracles);
    }

    #[test]
    fn the_message_is_oracle_in_function() {
        let panic = std::panic::catch_unwind(|| raise("deadlock", "zap_pte_range"))
            .expect_err("it always panics");
        assert_eq!(
            panic.downcast_ref::<String>().map(String::as_str),
            Some("deadlock in zap_pte_range")
        );
    }
}
