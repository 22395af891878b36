//! The interleaving points that matter, as the table of the semantics (section 19) has them.

/// One label of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    /// The label.
    pub(crate) label: &'static str,
    /// The operation whose point it is, in the table's words.
    pub(crate) operation: &'static str,
    /// Whether it has a star: a lock was just dropped, or what was read without a lock is about to be used.
    pub(crate) star: bool,
    /// Why nobody can be met there, if that is so.
    pub(crate) reason: Option<&'static str>,
}

/// The rows: an operation, and its labels in their order. A `*` behind one is its star.
const ROWS: &[(&str, &str)] = &[
    ("vma_start_read", "vr1 vr2*"),
    ("anon_vma_prepare", "av1 av2 av3*"),
    ("pte_offset_map_lock", "pom1* pom2* pom3"),
    ("PAE pmd read", "pae_low* pae_high*"),
    ("pmd_install", "pmi_unlocked pmi_counted pmi_stored"),
    ("do_set_pmd", "dsp1* dsp2 dsp3 dsp4*"),
    ("page_vma_mapped_walk", "pvmw1* pvmw2*"),
    ("try_to_unmap_one", "ttu0 ttu1* ttu2 ttu3"),
    ("try_to_unmap_flush", "utf1*"),
    ("rmap_walk_file", "rw1"),
    ("flush engine", "fl1* fl2"),
    ("switch_mm", "lz1 lz2"),
    ("hardware walk", "hw1"),
    ("GUP-fast", "gf1* gf2 gf3* gf4*"),
    ("notifier", "ni1 kvm1*"),
    ("collapse_file", "cf1 cf2 cf3* cf4* cf5* cf6 cf7* cf8* cf9* cf10"),
    ("retract_page_tables", "rt1* rt2* rt3* rt4* rt5* rt6"),
    (
        "collapse_pte_mapped_thp",
        "cp1* cp2* cp3 cp4 cp5* cp6* cp7* cp8* cp9* cp10 cp11* cp12* cp13* cp14* abort* \
         abort_put* step1 step2 step3 step4 step5 pcf",
    ),
    ("anon collapse", "ch1 ch2 ch3* ch4* ch5* ch6* ch7*"),
    ("madvise_collapse", "collapse_revalidate* collapse_relock*"),
    ("handle_pte_fault", "pf1* pf2* pf3*"),
    ("do_fault, finish_fault", "fa1* df1* ff1* ff2*"),
    ("wp_page_copy", "wp1* wp2* wp3* wp4"),
    ("do_swap_page", "sw1* sw2* sw3"),
    ("zap_pte_range", "zp4* zp2* zp3 zp1*"),
    ("zap_huge_pmd", "zh1* zh2"),
    ("page-table reclaim", "pr1"),
    ("munmap, exit", "munmap_detached* munmap_downgraded* munmap_unmapped* unlinked* ex1 ex2 ex3"),
    (
        "truncate, punch",
        "truncate_unmapped* undo_scan undo_entry undo_partial truncate_removed* punch_published \
         punch_unmapped*",
    ),
    ("reclaim", "reclaim_unmapped* reclaim_freeze* reclaim_frozen"),
    ("migration", "migrate_unmapped* migrate_freeze* migrate_moved migrate_pte_restored*"),
    ("split_huge_pmd", "spd1* spd2 spd3*"),
    ("split_huge_page", "spf1* spf2* spf3 spf4*"),
    ("mremap", "mv1* mv2* mv3* mv4"),
    ("fork", "fk1* fk2* fk3* fk4 fk5* fk6*"),
    ("mprotect, uffd-wp", "mp1 mp3 mp2*"),
    ("do_numa_page", "nu1* nu2"),
    ("mfill_atomic", "uf1* uff1"),
    ("open for write", "ow1 ow2"),
];

/// Labels with a star at which nobody can be met, and why. An entry that is met after all is an error.
const UNREACHABLE: &[(&str, &str)] = &[];

/// The point of a label; one that the table does not have belongs to nobody and has no star.
pub(crate) fn point(label: &'static str) -> Point {
    let reason = UNREACHABLE.iter().find(|(name, _)| *name == label).map(|(_, reason)| *reason);
    for (operation, labels) in ROWS {
        for word in labels.split_whitespace() {
            if word.trim_end_matches('*') == label {
                return Point { label, operation, star: word.ends_with('*'), reason };
            }
        }
    }
    Point { label, operation: "", star: false, reason }
}

/// The place of an operation in the table; labels that are in none come last.
pub(crate) fn order(operation: &str) -> usize {
    ROWS.iter().position(|(name, _)| *name == operation).unwrap_or(ROWS.len())
}

#[cfg(test)]
mod tests {
    use super::{ROWS, UNREACHABLE, point};
    use racewalk::LABELS;

    #[test]
    fn every_label_of_the_table_is_a_place() {
        for (_, labels) in ROWS {
            for word in labels.split_whitespace() {
                let label = word.trim_end_matches('*');
                assert!(LABELS.contains(&label), "{label}");
            }
        }
    }

    #[test]
    fn a_reason_is_for_a_star() {
        for (label, reason) in UNREACHABLE {
            assert!(point(label).star && !reason.is_empty(), "{label}");
        }
    }

    #[test]
    fn stars_are_read() {
        assert!(point("cp5").star && !point("cp4").star);
        assert_eq!(point("cp5").operation, "collapse_pte_mapped_thp");
        assert!(!point("no_such_label").star);
    }
}
