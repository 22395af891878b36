//! Each kind of entry is what it is, and nothing else.

use super::{Pfn, Pmd, Pte, SwapId, TableId};

#[test]
fn a_pte_is_of_one_kind() {
    let present = Pte::present(Pfn(77), true);
    let kinds = [
        (Pte::NONE, "none"),
        (present, "present"),
        (present.mkprotnone(), "protnone"),
        (present.mkuffd_wp(), "present"),
        (Pte::zero_page(), "present"),
        (Pte::swap(SwapId(9), true), "swap"),
        (Pte::swap(SwapId(9), true).mkuffd_wp(), "swap"),
        (Pte::migration(Pfn(77), true, false).mkyoung().mkdirty(), "migration"),
        (Pte::hwpoison(Pfn(77)), "hwpoison"),
        (Pte::uffd_wp_marker(), "marker wp"),
        (Pte::poisoned_marker(), "marker poison"),
    ];
    for (entry, kind) in kinds {
        let is = [
            (entry.is_none(), "none"),
            (entry.is_present() && !entry.is_protnone(), "present"),
            (entry.is_protnone(), "protnone"),
            (entry.swap_slot().is_some(), "swap"),
            (entry.is_migration(), "migration"),
            (entry.is_hwpoison(), "hwpoison"),
            (entry.is_uffd_wp_marker(), "marker wp"),
            (entry.is_poisoned_marker(), "marker poison"),
        ];
        let all: Vec<_> = is.into_iter().filter(|(is, _)| *is).map(|(_, kind)| kind).collect();
        assert_eq!(all, [kind], "{entry:?}");
        assert_eq!(entry.is_swap_pte(), !["none", "present", "protnone"].contains(&kind));
        assert_eq!(entry.is_user_accessible(), kind == "present");
    }
}

#[test]
fn what_the_hardware_must_not_use_is_still_present_for_software() {
    let huge = Pmd::huge(Pfn(128), true).mkdirty();
    for hidden in [huge.mkinvalid(), huge.mkprotnone()] {
        assert!(hidden.is_present() && hidden.is_trans_huge() && hidden.is_dirty());
        assert!(!hidden.is_user_accessible() && !hidden.is_swap_pmd() && !hidden.is_bad());
        assert_eq!(hidden.pfn(), Pfn(128));
    }
    assert!(huge.mkinvalid().is_write(), "a split still learns that it was writable");
    assert!(!huge.mkprotnone().is_write() && huge.mkprotnone().is_protnone());
    assert_eq!(huge.mkprotnone().mkreadable(), huge.wrprotect());
}

#[test]
fn a_migration_pmd_is_neither_present_nor_a_table() {
    let entry = Pmd::migration(Pfn(132), true, false).mkyoung().mkdirty();
    assert!(entry.is_swap_pmd() && entry.is_migration() && entry.is_writable_migration());
    assert!(!entry.is_present() && !entry.is_table() && !entry.is_trans_huge() && !entry.is_bad());
    assert!(entry.is_migration_young() && entry.is_migration_dirty() && !entry.is_dirty());
    assert!(!entry.mkmigration_readable().is_exclusive_migration());
    assert_eq!(entry.pfn(), Pfn(132));
}

#[test]
fn numbers_survive_being_spread() {
    for n in [0, 1, 2, 3, 4, 127, 6143] {
        assert_eq!(Pte::present(Pfn(n), false).pfn(), Pfn(n));
        assert_eq!(Pte::swap(SwapId(n as u16), false).swap_slot(), Some(SwapId(n as u16)));
        assert_eq!(Pmd::table(TableId(n as u16)).pgtable(), Some(TableId(n as u16)));
        assert_eq!(Pmd::huge(Pfn(n), false).pgtable(), None);
    }
    assert_eq!(Pmd::NONE.pgtable(), None);
}

#[test]
fn neighbouring_tables_have_equal_low_words() {
    let low = |n| Pmd::table(TableId(n)).0 as u32;
    assert_eq!(low(4), low(7));
    assert_ne!(low(4), low(8));
    // The low word alone, which a torn read yields, names no table, but does not look bad.
    let torn = Pmd(u64::from(low(4)));
    assert!(torn.is_table() && !torn.is_bad() && torn.pgtable().is_none());
}
