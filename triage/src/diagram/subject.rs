//! The subject of a report: the kernel's file in which the function lives, as a commit would name it.

/// The files, and the functions or the parts of names that live there.
const FILES: &[(&str, &[&str])] = &[
    (
        "mm/khugepaged",
        &[
            "collapse_pte",
            "collapse_abort",
            "collapse_and_free",
            "khugepaged",
            "set_huge_pmd",
            "find_pmd",
            "madvise_collapse",
            "hpage_collapse",
            "revalidate",
        ],
    ),
    ("mm/pgtable", &["pte_offset_map", "pmd_install", "pmdp_collapse", "pte_free", "pte_alloc"]),
    ("mm/huge_memory", &["zap_huge", "split_huge"]),
    ("mm/swap", &["do_swap", "add_to_swap"]),
    ("mm/migrate", &["migrat"]),
    ("mm/rmap", &["try_to_unmap", "page_vma_mapped", "anon_vma"]),
    ("mm/vmscan", &["shrink_folio"]),
    ("mm/shmem", &["shmem"]),
    ("mm/truncate", &["truncate", "unmap_mapping"]),
    ("mm/filemap", &["find_lock_page"]),
    ("mm/mmap", &["munmap", "free_pgtables", "unmap_vmas"]),
    ("mm/madvise", &["madvise"]),
    ("mm/gup", &["get_user_page"]),
    ("mm/mmu_notifier", &["mmu_notifier"]),
    ("mm/mmu_gather", &["tlb_finish", "tlb_remove"]),
    ("kvm", &["kvm"]),
    ("x86/mm/tlb", &["flush_tlb", "hardware_walk", "user_access"]),
    ("uprobes", &["uprobe"]),
    ("rcu", &["rcu_"]),
    ("mm/memory", &["fault", "do_", "wp_page", "zap_"]),
];

/// The file of a function.
pub(crate) fn file_of(function: &str) -> &'static str {
    FILES
        .iter()
        .find(|(_, parts)| parts.iter().any(|part| function.contains(part)))
        .map_or("mm", |(file, _)| file)
}
