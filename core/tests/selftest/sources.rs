//! Where each test comes from: a row for each line of the two tables, to be ticked off.
//!
//! The names are the pages' own: those of section 14.1 and 14.2 of kernel-semantics, and the cases of real-kernel.md's
//! table of MADV_COLLAPSE, which was measured on v6.12 and holds for v6.6.

use std::collections::BTreeSet;

use super::{
    khugepaged, khugepaged_shared, madv_collapse_anon, madv_collapse_file, others, program,
};

/// What there is for a row.
enum Proof {
    /// These tests: the name, as it stands in the source, and the function.
    By(&'static [(&'static str, fn())]),
    /// None, for a reason.
    NotRun(&'static str),
}

use Proof::NotRun;

macro_rules! by {
    ($($module:ident::$test:ident),+) => {
        Proof::By(&[$((concat!(stringify!($module), "::", stringify!($test)), $module::$test)),+])
    };
}

/// Section 14.1: tools/testing/selftests/mm/khugepaged.c.
const KHUGEPAGED: [&str; 15] = [
    "alloc_at_fault",
    "collapse_full",
    "collapse_empty",
    "collapse_single_pte_entry",
    "collapse_max_ptes_none",
    "collapse_single_pte_entry_compound",
    "collapse_full_of_compound",
    "collapse_compound_extreme",
    "collapse_swapin_single_pte",
    "collapse_max_ptes_swap",
    "collapse_fork",
    "collapse_fork_compound",
    "collapse_max_ptes_shared",
    "madvise_collapse_existing_thps",
    "madvise_retracted_page_tables",
];

/// real-kernel.md: the cases of MADV_COLLAPSE.
const MADV_COLLAPSE: [&str; 36] = [
    "anon fully populated rw",
    "anon, never written",
    "anon 1 of 512 present",
    "anon 512 zero-page PTEs (read faults only)",
    "anon already PMD mapped",
    "range without a whole aligned 2 MiB (1-513, 0-511), or len 0",
    "range 1-1024",
    "anon PROT_READ or all pages COW-shared after fork (no writable pte)",
    "anon 100 swapped out + rest",
    "anon all 512 swapped",
    "anon page pinned (vmsplice)",
    "anon right after child exit() not yet reaped",
    "VM_NOHUGEPAGE",
    "mlocked, fully populated",
    "VMA split inside the 2 MiB by mprotect / hole by munmap / PROT_NONE empty",
    "shared memfd full",
    "shared memfd, empty file",
    "shared memfd 1 page",
    "file shorter than the range (400 of 512), VMA 512",
    "2 shared maps, collapse A",
    "private memfd, no anon pages",
    "private memfd with 1 COWed page",
    "same, after refault (510 PTEs of the THP around the anon page)",
    "same, after DONTNEED of the anon page",
    "private memfd all 512 COWed",
    "page table present but only partly filled with THP subpages",
    "shared memfd with swapped pages",
    "shared memfd page pinned",
    "memfd mapped with file offset != addr mod 2 MiB",
    "uffd MISSING-registered B, collapse A then B",
    "uffd WP-registered B with 2 wp'd ptes, collapse A",
    "... collapse B (still registered; also after un-wp)",
    "ext4 file mapping, rw or ro",
    "fork child collapses shared file",
    "punch hole in PMD-mapped THP, then COLLAPSE",
    "truncate below a private COW page",
];

/// What else real-kernel.md says: below that table, and in the one of the deltas between kernels.
const REMARKS: [&str; 9] = [
    "a multi-huge-page call keeps the successes it made before a failing one",
    "EXCEED_NONE_PTE -> EBUSY",
    "ALLOC_HUGE_PAGE_FAIL -> ENOMEM",
    "delta: anonymous collapse with no writable PTE",
    "delta: MADV_DONTNEED of a whole table",
    "delta: exclusive bit",
    "delta: truncate inside a THP",
    "delta: swap-in of a swapped shmem THP",
    "delta: do_set_pmd in a VM_NOHUGEPAGE VMA",
];

/// Section 14.2: the others in tools/testing/selftests/mm.
const OTHERS: [&str; 9] = [
    "transhuge-stress",
    "split_huge_page_test",
    "mremap_test",
    "mremap_dontunmap",
    "uffd-unit-tests: minor-collapse",
    "uffd-unit-tests: the others, and uffd-stress",
    "migration",
    "cow: anon_thp_collapse",
    "gup_test and others: peripheral",
];

fn rows() -> Vec<(&'static str, Proof)> {
    let mut rows = khugepaged_rows();
    rows.extend(anon_rows());
    rows.extend(file_rows());
    rows.extend(other_rows());
    rows
}

fn khugepaged_rows() -> Vec<(&'static str, Proof)> {
    vec![
        ("alloc_at_fault", by!(khugepaged::alloc_at_fault)),
        ("collapse_full", by!(khugepaged::collapse_full)),
        ("collapse_empty", by!(khugepaged::collapse_empty)),
        ("collapse_single_pte_entry", by!(khugepaged::collapse_single_pte_entry)),
        ("collapse_max_ptes_none", by!(khugepaged::collapse_max_ptes_none)),
        ("collapse_single_pte_entry_compound", by!(khugepaged::collapse_single_pte_entry_compound)),
        ("collapse_full_of_compound", by!(khugepaged::collapse_full_of_compound)),
        ("collapse_compound_extreme", by!(khugepaged_shared::collapse_compound_extreme)),
        ("collapse_swapin_single_pte", by!(khugepaged::collapse_swapin_single_pte)),
        ("collapse_max_ptes_swap", by!(khugepaged::collapse_max_ptes_swap)),
        ("collapse_fork", by!(khugepaged_shared::collapse_fork)),
        ("collapse_fork_compound", by!(khugepaged_shared::collapse_fork_compound)),
        ("collapse_max_ptes_shared", by!(khugepaged_shared::collapse_max_ptes_shared)),
        ("madvise_collapse_existing_thps", by!(khugepaged::madvise_collapse_existing_thps)),
        ("madvise_retracted_page_tables", by!(khugepaged::madvise_retracted_page_tables)),
    ]
}

fn anon_rows() -> Vec<(&'static str, Proof)> {
    vec![
        ("anon fully populated rw", by!(madv_collapse_anon::fully_populated)),
        ("anon, never written", by!(madv_collapse_anon::never_written)),
        ("anon 1 of 512 present", by!(madv_collapse_anon::one_page_present)),
        ("anon 512 zero-page PTEs (read faults only)", by!(madv_collapse_anon::zero_pages_only)),
        ("anon already PMD mapped", by!(madv_collapse_anon::huge_already)),
        (
            "range without a whole aligned 2 MiB (1-513, 0-511), or len 0",
            by!(madv_collapse_anon::without_a_whole_huge_page),
        ),
        ("range 1-1024", by!(madv_collapse_anon::only_the_second_huge_page)),
        (
            "anon PROT_READ or all pages COW-shared after fork (no writable pte)",
            by!(madv_collapse_anon::read_only, madv_collapse_anon::shared_with_a_child),
        ),
        ("anon 100 swapped out + rest", by!(madv_collapse_anon::partly_swapped_out)),
        ("anon all 512 swapped", by!(madv_collapse_anon::swapped_out_completely)),
        ("anon page pinned (vmsplice)", by!(madv_collapse_anon::a_page_is_pinned)),
        (
            "anon right after child exit() not yet reaped",
            NotRun("the page marks it as noise: how far the exit has come is a matter of time"),
        ),
        ("VM_NOHUGEPAGE", by!(madv_collapse_anon::not_where_it_is_not_wanted)),
        ("mlocked, fully populated", by!(madv_collapse_anon::locked_memory)),
        (
            "VMA split inside the 2 MiB by mprotect / hole by munmap / PROT_NONE empty",
            by!(
                madv_collapse_anon::a_vma_that_mprotect_has_split,
                madv_collapse_anon::a_vma_that_ends_inside_the_huge_page,
                madv_collapse_anon::a_hole_in_the_huge_page,
                madv_collapse_anon::nothing_may_be_accessed
            ),
        ),
        (
            "a multi-huge-page call keeps the successes it made before a failing one",
            by!(
                madv_collapse_anon::a_vma_that_mprotect_has_split,
                madv_collapse_anon::a_hole_in_the_huge_page,
                madv_collapse_anon::an_earlier_huge_page_of_the_same_vma
            ),
        ),
        (
            "EXCEED_NONE_PTE -> EBUSY",
            by!(madv_collapse_anon::where_userfaultfd_waits_for_a_missing_page),
        ),
        ("ALLOC_HUGE_PAGE_FAIL -> ENOMEM", by!(madv_collapse_anon::without_a_huge_page_to_be_had)),
        (
            "delta: anonymous collapse with no writable PTE",
            by!(madv_collapse_anon::read_only, madv_collapse_anon::swapped_out_completely),
        ),
        (
            "delta: MADV_DONTNEED of a whole table",
            by!(madv_collapse_anon::a_table_that_has_become_empty),
        ),
        (
            "delta: exclusive bit",
            NotRun(
                "it is a matter of what is stored where; cow: anon_thp_collapse sees the effect",
            ),
        ),
    ]
}

fn file_rows() -> Vec<(&'static str, Proof)> {
    vec![
        ("shared memfd full", by!(madv_collapse_file::full)),
        ("shared memfd, empty file", by!(madv_collapse_file::empty)),
        ("shared memfd 1 page", by!(madv_collapse_file::one_page)),
        (
            "file shorter than the range (400 of 512), VMA 512",
            by!(madv_collapse_file::shorter_than_the_range),
        ),
        ("2 shared maps, collapse A", by!(madv_collapse_file::in_two_processes)),
        ("private memfd, no anon pages", by!(madv_collapse_file::private_without_copies)),
        ("private memfd with 1 COWed page", by!(madv_collapse_file::private_with_a_copy)),
        (
            "same, after refault (510 PTEs of the THP around the anon page)",
            by!(madv_collapse_file::private_with_a_copy),
        ),
        ("same, after DONTNEED of the anon page", by!(madv_collapse_file::private_with_a_copy)),
        ("private memfd all 512 COWed", by!(madv_collapse_file::private_with_copies_only)),
        (
            "page table present but only partly filled with THP subpages",
            by!(madv_collapse_file::a_table_that_is_partly_filled),
        ),
        ("shared memfd with swapped pages", by!(madv_collapse_file::swapped_pages)),
        ("shared memfd page pinned", by!(madv_collapse_file::a_page_is_pinned)),
        ("memfd mapped with file offset != addr mod 2 MiB", by!(madv_collapse_file::misaligned)),
        (
            "uffd MISSING-registered B, collapse A then B",
            by!(madv_collapse_file::userfaultfd_waits_for_missing_pages_in_the_other_process),
        ),
        (
            "uffd WP-registered B with 2 wp'd ptes, collapse A",
            by!(madv_collapse_file::userfaultfd_has_write_protected_pages_in_the_other_process),
        ),
        (
            "... collapse B (still registered; also after un-wp)",
            by!(
                madv_collapse_file::where_userfaultfd_may_write_protect,
                madv_collapse_file::closed_while_pages_were_write_protected
            ),
        ),
        ("ext4 file mapping, rw or ro", by!(madv_collapse_file::a_regular_file_that_is_no_text)),
        ("fork child collapses shared file", by!(madv_collapse_file::in_a_child)),
        (
            "punch hole in PMD-mapped THP, then COLLAPSE",
            by!(madv_collapse_file::with_a_hole_in_what_was_huge),
        ),
        ("truncate below a private COW page", by!(madv_collapse_file::truncated_below_a_copy)),
        ("delta: truncate inside a THP", by!(madv_collapse_file::truncated_inside_a_huge_page)),
        (
            "delta: swap-in of a swapped shmem THP",
            by!(madv_collapse_file::a_huge_page_that_was_swapped_out),
        ),
        (
            "delta: do_set_pmd in a VM_NOHUGEPAGE VMA",
            by!(madv_collapse_file::mapped_where_it_is_not_wanted),
        ),
    ]
}

fn other_rows() -> Vec<(&'static str, Proof)> {
    vec![
        ("transhuge-stress", by!(others::transhuge_stress)),
        (
            "split_huge_page_test",
            by!(others::split_pmd_thp, others::split_pte_mapped_thp, others::split_file_backed_thp),
        ),
        ("mremap_test", by!(others::mremap_test)),
        ("mremap_dontunmap", by!(others::mremap_dontunmap)),
        ("uffd-unit-tests: minor-collapse", by!(others::uffd_minor_collapse)),
        (
            "uffd-unit-tests: the others, and uffd-stress",
            NotRun(
                "stories of mm/userfaultfd, and of the fuzzer: here nobody could be the monitor",
            ),
        ),
        ("migration", by!(others::migration)),
        ("cow: anon_thp_collapse", by!(others::cow_anon_thp_collapse)),
        ("gup_test and others: peripheral", NotRun("nothing of them is about a collapse")),
    ]
}

/// The rows of the pages, in their order.
fn names() -> impl Iterator<Item = &'static str> {
    KHUGEPAGED.into_iter().chain(MADV_COLLAPSE).chain(REMARKS).chain(OTHERS)
}

/// The tests that stand in a file.
fn tests_of(module: &str, source: &str) -> Vec<String> {
    let after = source.split("#[test]").skip(1);
    let name = |text: &str| {
        let (_, name) = text.split_once("fn ").expect("a test is a function");
        format!("{module}::{}", name.split('(').next().expect("it has a name"))
    };
    after.map(name).collect()
}

#[test]
fn each_row_of_the_pages_is_a_test_or_has_a_reason() {
    let rows = rows();
    for name in names() {
        let found: Vec<_> = rows.iter().filter(|(row, _)| *row == name).collect();
        assert_eq!(found.len(), 1, "rows for {name}");
        match &found[0].1 {
            Proof::By(tests) => assert!(!tests.is_empty(), "{name}"),
            NotRun(why) => assert!(why.len() > 20, "{name}"),
        }
    }
    let not_run = |of: &[&str]| {
        let skipped =
            rows.iter().filter(|(name, proof)| of.contains(name) && matches!(proof, NotRun(_)));
        skipped.map(|(name, _)| *name).collect::<Vec<_>>()
    };
    assert_eq!(not_run(&KHUGEPAGED), [""; 0]);
    assert_eq!(not_run(&MADV_COLLAPSE), ["anon right after child exit() not yet reaped"]);
    assert_eq!(rows.len(), names().count(), "rows that no page has");
}

#[test]
fn each_test_says_which_row_it_is() {
    let sources = [
        ("khugepaged", include_str!("khugepaged.rs")),
        ("khugepaged_shared", include_str!("khugepaged_shared.rs")),
        ("madv_collapse_anon", include_str!("madv_collapse_anon.rs")),
        ("madv_collapse_file", include_str!("madv_collapse_file.rs")),
        ("others", include_str!("others.rs")),
    ];
    let written: BTreeSet<_> =
        sources.iter().flat_map(|(module, source)| tests_of(module, source)).collect();
    let rows = rows();
    let named: BTreeSet<_> = rows
        .iter()
        .flat_map(|(_, proof)| match proof {
            Proof::By(tests) => tests.iter().map(|(name, _)| (*name).to_owned()).collect(),
            NotRun(_) => Vec::new(),
        })
        .collect();
    assert_eq!(named, written, "the names in the tables, and the tests");
    assert_eq!(program::HPN, 512);
}
