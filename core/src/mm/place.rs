//! The places of the model: the functions that can be entered and the labels that can be passed.
//!
//! A schedule stops at them, a trace shows them, coverage counts them. Functions bear the kernel's names; the
//! labels are the interleaving points of the semantics (section 19).

macro_rules! places {
    (functions { $($function:ident)* } labels { $($label:ident)* }) => {
        /// The functions.
        #[expect(non_upper_case_globals, missing_docs, reason = "a place carries the kernel's own name")]
        pub mod func {
            use crate::sync::Place;
            $(pub const $function: Place = Place(super::Number::$function as u16);)*
        }
        /// The labels.
        #[expect(non_upper_case_globals, missing_docs, reason = "a label carries the name that the semantics gives it")]
        pub mod ip {
            use crate::sync::Place;
            $(pub const $label: Place = Place(super::Number::$label as u16);)*
        }
        #[expect(dead_code, reason = "nowhere is a number that only the default has")]
        #[expect(non_camel_case_types, reason = "one variant for each place, under its own name")]
        #[repr(u16)]
        enum Number { nowhere, $($function,)* $($label,)* }

        /// The names of all places; the index is the place's number, 0 is nowhere.
        pub const PLACES: &[&str] = &["nowhere", $(stringify!($function),)* $(stringify!($label),)*];

        /// The names of the labels, which are the last ones of [`PLACES`].
        pub const LABELS: &[&str] = &[$(stringify!($label)),*];
    };
}

places! {
    functions {
        // khugepaged.c
        collapse_pte_mapped_thp set_huge_pmd find_pmd_or_thp_or_none collapse_abort collapse_and_free_pmd
        madvise_collapse hpage_collapse_scan_file hugepage_vma_revalidate
        khugepaged_scan_mm_slot khugepaged_add_pte_mapped_thp khugepaged_collapse_pte_mapped_thps
        collapse_file retract_page_tables hpage_collapse_scan_pmd collapse_huge_page
        collapse_huge_page_swapin collapse_huge_page_isolate collapse_huge_page_copy
        // pgtable-generic.c, memory.c: tables
        pte_offset_map_lock pte_offset_map_nolock pmd_install pmdp_collapse_flush pte_free_defer pte_free pte_alloc
        tlb_remove_table_sync_one pte_free_now pgtable_trans_huge_deposit pgtable_trans_huge_withdraw
        pmdp_get_lockless
        // memory.c: faults
        handle_mm_fault do_anonymous_page do_read_fault do_cow_fault do_shared_fault finish_fault do_set_pmd
        do_wp_page wp_page_copy wp_page_reuse wp_huge_pmd do_swap_page migration_entry_wait
        lock_vma_under_rcu vma_start_read vma_start_write vma_end_write_all do_huge_pmd_anonymous_page
        do_huge_pmd_wp_page do_numa_page do_huge_pmd_numa_page pmd_migration_entry_wait filemap_map_pages
        do_fault_around handle_pte_marker
        // memory.c: zap
        zap_page_range_single zap_pmd_range zap_pte_range zap_huge_pmd split_huge_pmd unmap_mapping_range unmap_vmas free_pgtables
        tlb_finish_mmu unmap_page_range oom_reap_task_mm
        // shmem.c, filemap.c, truncate.c
        shmem_fault shmem_undo_range shmem_setattr find_lock_page truncate_inode_folio unmap_mapping_folio
        shmem_get_folio shmem_fallocate shmem_writepage shmem_swapin_folio filemap_fault do_dentry_open file_write
        truncate_inode_partial_folio
        truncate_inode_pages_range truncate_setsize truncate_pagecache_range
        // rmap.c, swap, vmscan.c, migrate.c
        try_to_unmap try_to_migrate remove_migration_ptes page_vma_mapped_walk anon_vma_prepare
        shrink_folio_list add_to_swap migrate_folio folio_migrate_mapping try_to_unmap_flush rmap_walk_file
        rmap_walk_anon anon_vma_fork unlink_anon_vmas remove_migration_pmd set_pmd_migration_entry
        split_huge_page folio_isolate_lru lru_add_drain lru_add_drain_all
        // mmap.c, madvise.c, uprobes.c
        do_munmap madvise_dontneed madvise_populate uprobe_write_opcode
        do_mmap mprotect_fixup change_pte_range change_huge_pmd split_vma vma_merge madvise_vma_behavior
        madvise_free madvise_cold madvise_pageout madvise_remove mlock
        // mremap.c, fork.c, exit
        move_page_tables move_ptes move_normal_pmd move_huge_pmd
        dup_mmap copy_page_range copy_pte_range copy_huge_pmd exit_mmap mmput
        // userfaultfd.c
        userfaultfd_register userfaultfd_unregister handle_userfault mfill_atomic mfill_atomic_install_pte
        mwriteprotect_range
        // gup.c, task_mmu.c, mincore.c
        gup_fast gup_pte_range gup_huge_pmd unpin_user_page smaps_pte_range pagemap_pmd_range mincore_pte_range
        // tlb.c, mmu_notifier.c, kvm
        flush_tlb_mm_range mmu_notifier_invalidate_range_start mmu_notifier_invalidate_range_end
        kvm_mmu_fault hmm_range_fault hardware_walk user_access get_user_page rcu_do_batch
        // mremap.c, mprotect.c
        mremap copy_vma mprotect change_protection change_prot_numa
        switch_mm_irqs_off
    }
    labels {
        cp1 cp2 cp3 cp4 cp5 cp6 cp7 cp8 cp9 cp10 cp11 cp12 cp13 cp14
        step1 step2 step3 step4 step5 abort
        pom1 pom2 pom3 pcf fl1 hw1
        dsp1 pf1 pf2 pf3 ff1 ff2 wp1 wp2 wp3 wp4 sw1 sw2
        pvmw1 pvmw2 ttu1 zp1
        munmap_detached munmap_downgraded munmap_unmapped
        undo_scan undo_entry truncate_unmapped truncate_removed
        reclaim_unmapped reclaim_frozen migrate_unmapped migrate_moved
        collapse_relock collapse_revalidate
        vr1 vr2 pae_low pae_high pmi_unlocked pmi_counted pmi_stored dsp2 dsp3 dsp4 ttu2 ttu3 utf1 fl2
        gf1 gf2 gf3 gf4 cf1 cf2 cf3 cf4 cf5 cf6 cf7 cf8 cf9 rt1 rt2 rt3 rt4 rt5 rt6
        ch1 ch2 ch3 ch4 ch5 ch6 ch7 fa1 zh1 zh2 uf1 mv1 mv2 mv3 fk1 fk2 fk3 mp1 mp2
        undo_partial punch_published punch_unmapped migrate_pte_restored spd1 spd2 spd3 spf1 spf2 spf3 spf4
        fk4 fk5 fk6
        av1 av2 av3 kvm1 ni1 ex1 ex2 ex3 ow1 ow2 uff1 walk_again
        falloc_page write_locked remove_unlocked scan_large
        mv4 mp3 nu1 nu2
        // No memory; page-table reclaim; the rest of section 19
        nomem lz1 lz2 pr1 zp2 zp3 zp4 ttu0 rw1 df1 sw3 reclaim_freeze migrate_freeze cf10 unlinked abort_put
    }
}

#[cfg(test)]
mod tests {
    use super::{LABELS, PLACES, func, ip};

    #[test]
    fn numbers_are_the_indices_of_the_names() {
        assert_eq!(PLACES[usize::from(func::zap_pte_range.0)], "zap_pte_range");
        assert_eq!(PLACES[usize::from(ip::cp8.0)], "cp8");
    }

    #[test]
    fn labels_are_the_last_places() {
        assert!(PLACES.ends_with(LABELS));
        assert_eq!(LABELS[0], "cp1");
    }

    #[test]
    fn places_fit_the_bitset_of_the_cpu() {
        assert!(PLACES.len() <= 512);
    }
}
