//! Page tables are linked once, unlinked empty, and freed in the end.
//!
//! Verified: what is in a table when it is unlinked, tables that are freed while linked or linked twice, entries that
//! name no table, tables that were neither linked nor deposited nor freed at quiescence, deposits that no huge page has
//! made or that were forgotten, migration entries whose folio is not locked when they are met, or that nobody removed.
//! Not verified: the order in which deposited tables are used (any will do).

use super::view::Wrong;
use super::{Fact, Oracle, Recount, View};
use crate::mm::class::Class;
use crate::mm::pgtable::TableState;
use crate::mm::{Pte, TableId};
use crate::sync::{Splat, What};

/// S8, I3.3.
pub(super) const TABLE_UNLINKED_WITH_ENTRIES: Oracle = Oracle {
    facts: &[Fact::Unlink],
    event: Some(|view, _, what| match what {
        What::Unlink { table, pmd } if !view.kernel.steps.frees_tables_with_entries => {
            let entries = view.kernel.tables.get(TableId(table.index() as u16)).entries();
            match (0..).zip(entries).find(|(_, entry)| !Pte(entry.peek()).is_none()) {
                Some((i, entry)) => {
                    let detail = format!(
                        "pt{} was unlinked while its entry {i} is not empty",
                        table.index()
                    );
                    Err(Wrong::new(detail, [table, entry.obj(), pmd]))
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }),
    ..Oracle::new(
        "table_unlinked_with_entries",
        "S8, I3.3",
        "A page table is unlinked only when all its entries are empty.",
    )
};

/// I3.1, section 3.5.
pub(super) const TABLE_LINKAGE: Oracle = Oracle {
    splat: Some(|_, splat| match splat {
        Splat::TableLinkage(table) => {
            let detail = format!(
                "pt{} was freed while it is linked, or linked or unlinked twice",
                table.index()
            );
            Some(Wrong::new(detail, [table]))
        }
        _ => None,
    }),
    ..Oracle::new(
        "table_linkage",
        "I3.1",
        "A page table is linked from one PMD entry at the most, and from none when it is freed.",
    )
};

/// Section 3.1.
pub(super) const BOGUS_TABLE_ENTRY: Oracle = Oracle {
    splat: Some(|_, splat| match splat {
        Splat::BogusTable(table) => {
            Some(Wrong::new("a PMD value that names no page table was walked or stored", [table]))
        }
        _ => None,
    }),
    ..Oracle::new(
        "bogus_table_entry",
        "3.1",
        "A PMD value that is used as a table names a page table.",
    )
};

/// S12.
pub(super) const TORN_ENTRY: Oracle = Oracle {
    splat: Some(|_, splat| match splat {
        Splat::TornEntry(pmd) => {
            let detail = "a page table was found through a PMD value that the entry never had";
            Some(Wrong::new(detail, [pmd]))
        }
        _ => None,
    }),
    ..Oracle::new(
        "torn_entry",
        "S12",
        "A PAE walker goes into a page table only by a value that the PMD entry had while it was read.",
    )
};

/// Q15.
pub(super) const PGTABLE_LEAK: Oracle = Oracle {
    quiesce: Some(|view: &View<'_>, _| {
        let kept =
            |state| matches!(state, TableState::Linked | TableState::Deposited | TableState::Free);
        match view.kernel.tables.touched().find(|table| !kept(table.state())) {
            Some(table) => Err(Wrong::new(
                format!("pt{} is neither linked nor deposited nor freed", table.id.0),
                [table.obj()],
            )),
            None => Ok(()),
        }
    }),
    ..Oracle::new(
        "pgtable_leak",
        "Q15",
        "Every page table is linked, deposited or freed when all is quiet.",
    )
};

/// I3.5.
pub(super) const DEPOSIT_MISMATCH: Oracle = Oracle {
    quiesce: Some(|view: &View<'_>, recount: &Recount| {
        let counts = recount.deposited.iter().zip(&recount.depositors);
        match counts.enumerate().find(|(_, (tables, pages))| tables != pages) {
            Some((mm, (tables, pages))) => {
                let detail = format!(
                    "m{mm} has {tables} deposited page tables for {pages} huge anonymous PMD entries"
                );
                Err(Wrong::new(detail, [view.kernel.mms[mm].pmd_huge_pte.obj()]))
            }
            None => Ok(()),
        }
    }),
    ..Oracle::new(
        "deposit_mismatch",
        "I3.5",
        "A huge PMD entry of anonymous memory has one deposited page table, one of a file has none.",
    )
};

/// S14, I5.2.
pub(super) const MIGRATION_ENTRY_UNLOCKED: Oracle = Oracle {
    splat: Some(|view, splat| match splat {
        Splat::MigrationEntryUnlocked(folio) => {
            let name = crate::mm::object_name(folio, view.kernel.hpn);
            let detail = format!("there is a migration entry of {name}, which is not locked");
            Some(Wrong::new(detail, [folio]))
        }
        _ => None,
    }),
    ..Oracle::new(
        "migration_entry_unlocked",
        "S14, I5.2",
        "Whoever meets a migration entry finds its folio locked, and can wait for that.",
    )
};

/// Q16.
pub(super) const MIGRATION_ENTRY_LEFT: Oracle = Oracle {
    quiesce: Some(|view: &View<'_>, recount: &Recount| match recount.migration {
        Some((mm, addr)) => {
            let detail = format!("page {} of m{} still has a migration entry", addr.0, mm.0);
            Err(Wrong::new(detail, [view.kernel.pmdp(mm, addr).obj(), Class::Folio.obj(0)]))
        }
        None => Ok(()),
    }),
    ..Oracle::new("migration_entry_left", "Q16", "No migration entry outlives its migration.")
};
