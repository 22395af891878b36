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
    };
}

places! {
    functions {
        // khugepaged.c
        collapse_pte_mapped_thp set_huge_pmd find_pmd_or_thp_or_none collapse_abort collapse_and_free_pmd
        madvise_collapse hpage_collapse_scan_file hugepage_vma_revalidate
        khugepaged_scan_mm_slot khugepaged_add_pte_mapped_thp khugepaged_collapse_pte_mapped_thps
        // pgtable-generic.c, memory.c: tables
        pte_offset_map_lock pte_offset_map_nolock pmd_install pmdp_collapse_flush pte_free_defer pte_free pte_alloc
        tlb_remove_table_sync_one pte_free_now
        // memory.c: faults
        handle_mm_fault do_anonymous_page do_read_fault do_cow_fault do_shared_fault finish_fault do_set_pmd
        do_wp_page wp_page_copy wp_page_reuse wp_huge_pmd do_swap_page migration_entry_wait
        // memory.c: zap
        zap_page_range_single zap_pmd_range zap_pte_range zap_huge_pmd split_huge_pmd unmap_mapping_range unmap_vmas free_pgtables
        tlb_finish_mmu
        // shmem.c, filemap.c, truncate.c
        shmem_fault shmem_undo_range shmem_setattr find_lock_page truncate_inode_folio unmap_mapping_folio
        // rmap.c, swap, vmscan.c, migrate.c
        try_to_unmap try_to_migrate remove_migration_ptes page_vma_mapped_walk anon_vma_prepare
        shrink_folio_list add_to_swap migrate_folio folio_migrate_mapping
        // mmap.c, madvise.c, uprobes.c
        do_munmap madvise_dontneed madvise_populate uprobe_write_opcode
        // tlb.c, mmu_notifier.c, kvm
        flush_tlb_mm_range mmu_notifier_invalidate_range_start mmu_notifier_invalidate_range_end
        kvm_mmu_fault hardware_walk user_access get_user_page rcu_do_batch
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
        collapse_relock
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACES, func, ip};

    #[test]
    fn numbers_are_the_indices_of_the_names() {
        assert_eq!(PLACES[usize::from(func::zap_pte_range.0)], "zap_pte_range");
        assert_eq!(PLACES[usize::from(ip::cp8.0)], "cp8");
    }

    #[test]
    fn places_fit_the_bitset_of_the_cpu() {
        assert!(PLACES.len() <= 256);
    }
}
