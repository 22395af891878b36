//! One line for each oracle: the program that it fails on, and what is wrong there.

use racewalk::mm::steps::Steps;

use crate::planted;

/// Where a program is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// A file of the corpus; its header says what is left out.
    File(&'static str),
    /// Program text after `kernel fixed`.
    Text(&'static str),
}

/// An oracle and its failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proof {
    /// The oracle.
    pub(crate) oracle: &'static str,
    /// The program, and perhaps what is left out.
    pub(crate) source: Source,
    /// A fault that is not the absence of a protection.
    pub(crate) planted: Option<fn(&mut Steps)>,
}

const fn file(oracle: &'static str, path: &'static str) -> Proof {
    Proof { oracle, source: Source::File(path), planted: None }
}

const fn text(oracle: &'static str, text: &'static str) -> Proof {
    Proof { oracle, source: Source::Text(text), planted: None }
}

const fn plant(oracle: &'static str, planted: fn(&mut Steps), text: &'static str) -> Proof {
    Proof { oracle, source: Source::Text(text), planted: Some(planted) }
}

/// A shared mapping of a huge page with all PTEs.
macro_rules! shared {
    ($rest:literal) => {
        concat!(
            "setup\n m0 = mm()\n f0 = file(len=1h, huge)\n",
            " v0 = mmap(m0, f0, at=1h, len=1h, shared, rw, hugepage)\n pte_alloc(v0)\n madvise(v0, populate_read)\n",
            $rest
        )
    };
}

/// A private mapping of one, in which page 1 is a copy.
macro_rules! private {
    ($rest:literal) => {
        concat!(
            "setup\n m0 = mm()\n f0 = file(len=1h, huge)\n",
            " v0 = mmap(m0, f0, at=1h, len=1h, private, rw, hugepage)\n pte_alloc(v0)\n madvise(v0, populate_read)\n write(v0+1)\n",
            $rest
        )
    };
}

/// The proofs, in the order of `ORACLES`.
pub(crate) const PROOFS: &[Proof] = &[
    file("pgtable_used_after_free", "litmus/without/pte_map_rcu.rw"),
    plant(
        "write_to_detached_table",
        planted::write_after_unlink,
        shared!("cpu0\n madvise(v0, collapse)\n"),
    ),
    file("table_unlinked_with_entries", "litmus/without/clear_pte.rw"),
    file("table_linkage", "litmus/without/unlink.rw"),
    file("torn_entry", "litmus/pae/torn-pmd-pmd_sync.rw"),
    plant(
        "bogus_table_entry",
        planted::lock_of_an_empty_entry,
        shared!("cpu0\n madvise(v0, collapse)\n"),
    ),
    file("folio_freed_in_use", "litmus/without/hpage_order.rw"),
    plant(
        "held_page_freed",
        planted::reference_of_somebody_else,
        private!(
            " gup_fast(v0+1, get)\n madvise(v0, dontneed)\n lru_drain()\ncpu0\n khugepaged(v0)\n"
        ),
    ),
    file("gup_page_not_mapped", "litmus/without/gup_pte_recheck.rw"),
    text(
        "gup_pin_not_allowed",
        "without gup_fast_pin_allowed\nsetup\n m0 = mm()\n f0 = file(len=1h, small, regular)\n v0 = mmap(m0, f0, at=1h, len=1h, shared, rw)\n read(v0)\ncpu0\n gup_fast(v0, write, longterm)\n",
    ),
    file("pin_separated", "litmus/without/gup_must_unshare.rw"),
    file("held_page_written", "litmus/without/wp_by_refs.rw"),
    file("stale_translation", "litmus/without/abort_flush.rw"),
    text(
        "huge_and_small_coexist",
        concat!(
            "without collapse_flush\n",
            "setup\n m0 = mm()\n m1 = mm()\n m2 = mm()\n f0 = file(len=1h, huge)\n",
            " v0 = mmap(m0, f0, at=1h, len=1h, shared, rw)\n v1 = mmap(m2, f0, at=1h, len=1h, shared, rw)\n",
            " pte_alloc(v0)\n pte_alloc(v1)\n madvise(v0, populate_read)\n madvise(v1, populate_read)\n",
            // Both tables want the same place in the paging-structure cache: the second one takes it.
            " tlb_fill(v0+1)\n tlb_fill(v1+2)\ncpu0\n tlb_fill(v0)\ncpu1\n madvise(v0, collapse)\n",
            "schedule\n cpu1 until exit\n cpu0 until exit\n"
        ),
    ),
    text(
        "replaced_before_flush",
        concat!(
            "without flush_under_pml\n",
            shared!(
                " read(v0)\ncpu0\n khugepaged(v0)\ncpu1\n pte_alloc(v0)\nschedule\n cpu0 until flush_tlb_mm_range\n cpu1 until exit\n cpu0 until exit\n"
            )
        ),
    ),
    file("secondary_mmu_stale", "litmus/without/kvm_seq.rw"),
    file("change_outside_notifier_range", "litmus/without/notifier_start.rw"),
    file("notifier_range_left_open", "litmus/without/notifier_end.rw"),
    file("lock_not_held", "litmus/without/step2_ptl.rw"),
    plant(
        "lock_must_not_be_held",
        planted::i_mmap_around_the_collapse,
        shared!("cpu0\n madvise(v0, collapse)\n"),
    ),
    plant(
        "unlock_not_owner",
        planted::hpage_unlocked_twice,
        shared!("cpu0\n madvise(v0, collapse)\n"),
    ),
    file("lock_order", "litmus/without/pml_before_ptl.rw"),
    file("sleep_in_atomic", "litmus/without/notifier_outside_ptl.rw"),
    text("lock_left_held", concat!("without unlock_hpage\n", shared!("cpu0\n khugepaged(v0)\n"))),
    file("vm_bug_on", "litmus/without/free_defer.rw"),
    file("lost_write", "litmus/without/reclaim_flush_dirty.rw"),
    file("access_not_permitted", "litmus/without/mprotect_start_write.rw"),
    file("uffd_event_lost", "litmus/without/uffd_missing.rw"),
    file("uffd_wp_lost", "litmus/without/uffd_wp_fault.rw"),
    file("uffd_wake_lost", "litmus/without/uffd_wake.rw"),
    text(
        "hpage_pte_appeared",
        concat!(
            "without hpage_lock_to_the_end\n",
            "setup\n m0 = mm()\n f0 = file(len=1h, huge)\n v0 = mmap(m0, f0, at=1h, len=1h, private, rw)\n pte_alloc(v0)\n",
            "cpu0\n madvise(v0, collapse)\ncpu1\n write(v0+1)\n",
            "schedule\n cpu0 until cp13\n cpu1 until exit\n cpu0 until exit\n"
        ),
    ),
    file("collapse_result", "litmus/without/fail_preset.rw"),
    plant(
        "madvise_result",
        planted::success_without_a_collapse,
        shared!("cpu0\n madvise(v0, collapse)\n"),
    ),
    file("walk_miscounted", "litmus/without/pte_map_recheck.rw"),
    file("cached_data_hidden", "zoo/collapse-file-exposes-not-uptodate.rw"),
    file("page_table_check", "litmus/without/ptep_clear.rw"),
    plant(
        "page_table_check_false_alarm",
        planted::entry_kept_from_the_checker,
        shared!("cpu0\n madvise(v0, collapse)\n"),
    ),
    file("mapcount_mismatch", "litmus/without/remove_rmap.rw"),
    file("bad_rss_counter", "litmus/without/counter_sub.rw"),
    file("refcount_mismatch", "litmus/without/ref_sub.rw"),
    plant(
        "pincount_mismatch",
        planted::pinned_once_more,
        shared!("cpu0\n gup_fast(v0+1, pin)\n put()\n"),
    ),
    file("nr_ptes_mismatch", "litmus/without/dec_nr_ptes.rw"),
    plant(
        "swap_count_mismatch",
        planted::swap_slot_counted_once_more,
        private!("cpu0\n swapout(v0+1)\n"),
    ),
    file("pgtable_leak", "litmus/without/free_table.rw"),
    text(
        "deposit_mismatch",
        "without zap_deposited\nsetup\n m0 = mm()\n v0 = mmap(m0, anon, at=3h, len=1h, rw, hugepage)\n write(v0+1)\ncpu0\n madvise(v0, dontneed)\n",
    ),
    plant(
        "migration_entry_unlocked",
        planted::unlocked_during_migration,
        private!(
            "cpu0\n migrate(v0+1)\ncpu1\n read(v0+1)\nschedule\n cpu0 until migrate_unmapped\n cpu1 until exit\n cpu0 until exit\n"
        ),
    ),
    plant(
        "migration_entry_left",
        planted::migration_never_removed,
        shared!("cpu0\n khugepaged(v0)\n"),
    ),
    text(
        "page_cache_inconsistent",
        "without cf_uptodate\nsetup\n m0 = mm()\n f0 = file(len=1h, small)\n v0 = mmap(m0, f0, at=1h, len=1h, shared, rw, hugepage)\n read(v0)\ncpu0\n khugepaged(v0)\n",
    ),
    plant(
        "bad_shmem_accounting",
        planted::holes_charged_too_little,
        "setup\n m0 = mm()\n f0 = file(len=1h, empty)\n v0 = mmap(m0, f0, at=1h, len=1h, shared, rw)\n write(v0)\ncpu0\n madvise(v0, collapse)\n",
    ),
    file("vma_used_after_free", "litmus/without/vma_free_rcu.rw"),
    file("vma_inconsistent", "litmus/without/vma_lock_anon_check.rw"),
    file("anon_vma_used_after_free", "litmus/without/migrate_anon_vma_ref.rw"),
    text(
        "anon_vma_inconsistent",
        concat!(
            "without anon_vma_recheck\nset ptlock=none\n",
            "setup\n m0 = mm()\n f0 = file(len=1h, huge)\n v0 = mmap(m0, f0, at=1h, len=1h, private, rw)\n pte_alloc(v0)\n madvise(v0, populate_read)\n",
            "cpu0\n madvise(v0, collapse)\n write(v0+3)\n lru_drain()\n madvise(v0, collapse)\ncpu1\n write(v0+3)\n",
            "schedule\n cpu0 op 0 step 60 -> cpu1\n"
        ),
    ),
    plant(
        "khugepaged_slot_mismatch",
        planted::khugepaged_flag_lost,
        shared!("cpu0\n khugepaged(v0)\n"),
    ),
    plant("mm_count_mismatch", planted::mm_grabbed_once_more, shared!("cpu0\n khugepaged(v0)\n")),
    plant("gather_left_open", planted::gather_forgotten, shared!("cpu0\n khugepaged(v0)\n")),
    file("deadlock", "litmus/without/ptl_is_pml.rw"),
    file("livelock", "found/unshare_maps_huge_page_again.rw"),
    plant("panic", planted::the_model_panics, shared!("cpu0\n khugepaged(v0)\n")),
];
