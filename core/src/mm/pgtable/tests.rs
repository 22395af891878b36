//! What each kind of entry owes, and where a table can go.

use std::cell::RefCell;

use super::TableState;
use crate::mm::class::Class;
use crate::mm::steps::Era;
use crate::mm::types::{AnonVmaId, FolioId, MmId, Pfn, Pmd, Pte, Rss, SwapId, TableId, Vaddr};
use crate::mm::{Config, Kernel, Mapping, Width};
use crate::sync::{Conductor, Cpu, Obj, Place, Splat, What};

const HPN: u32 = 4;
const M0: MmId = MmId(0);

/// Lets the one CPU run on, and remembers what it complains about.
#[derive(Default)]
struct Alone(RefCell<Vec<Splat>>);

impl Conductor for Alone {
    fn turn(&self, cpu: &Cpu<'_>) {
        cpu.grant(1 << 16, u16::MAX);
    }

    fn wait(&self, _: &Cpu<'_>, on: Obj) {
        panic!("nobody will ever release {on:?}");
    }

    fn wake(&self, _: &Cpu<'_>, _: u32) {}

    fn note(&self, _: &Cpu<'_>, what: What) {
        if let What::Splat(splat) = what {
            self.0.borrow_mut().push(splat);
        }
    }

    fn arrived(&self, _: &Cpu<'_>, _: Place) {}
}

/// Tells a story to an empty machine; returns what the kernel complained about.
fn tell(config: Config, story: impl Fn(&Kernel, &Cpu<'_>)) -> Vec<Splat> {
    let kernel = Kernel::new(HPN, config, Era::V66.steps());
    let alone = Alone::default();
    let cpu = Cpu::conducted(0, &kernel.smp, &alone, None, false);
    story(&kernel, &cpu);
    drop(cpu);
    alone.0.into_inner()
}

/// Under pml.
fn with_pml<T>(k: &Kernel, cpu: &Cpu<'_>, story: impl FnOnce() -> T) -> T {
    let pml = k.pmd_lock(cpu, M0);
    let told = story();
    k.lock(pml).unlock(cpu);
    told
}

/// What is owed, and to whom; forgiven at once.
fn owed(cpu: &Cpu<'_>) -> Vec<(Obj, i64)> {
    let open = cpu.debts.open().into_iter().map(|debt| (debt.to, debt.amount)).collect();
    cpu.debts.clear();
    open
}

fn folio(k: &Kernel, cpu: &Cpu<'_>, large: bool, anon: bool) -> (FolioId, Pfn) {
    let folio = k.folio_alloc(cpu, large).expect("memory");
    if anon {
        k.folio(folio).init_mapping(Mapping::Anon(AnonVmaId(0)), 0);
    }
    cpu.debts.clear();
    (folio, k.folios.head(folio))
}

fn set_pte(k: &Kernel, cpu: &Cpu<'_>, addr: u32, entry: Pte) {
    assert!(k.pte_alloc(cpu, M0, Vaddr(addr)));
    let (pte, ptl) = k.pte_offset_map_lock(cpu, M0, Vaddr(addr)).expect("a table");
    k.set_pte_at(cpu, M0, pte, Vaddr(addr), entry);
    k.pte_unmap_unlock(cpu, ptl);
}

#[test]
fn each_kind_of_pte_owes_its_own() {
    let complaints = tell(Config::default(), |k, cpu| {
        let (id, pfn) = folio(k, cpu, false, false);
        let rss = Class::Rss.obj(Rss::File as u32);
        let mapped = [(rss, 1), (Class::Refcount.obj(id.0), 1), (Class::Mapcount.obj(pfn.0), 1)];
        set_pte(k, cpu, 0, Pte::present(pfn, true));
        assert_eq!(owed(cpu), mapped, "page_table_check has been paid by the hook");
        // Hidden from the hardware: still mapped, but the checker does not count it, and takes the old one back.
        set_pte(k, cpu, 0, Pte::present(pfn, false).mkprotnone());
        assert_eq!(owed(cpu), []);
        set_pte(k, cpu, 0, Pte::migration(pfn, false, false));
        let unmapped = [(Class::Refcount.obj(id.0), -1), (Class::Mapcount.obj(pfn.0), -1)];
        assert_eq!(owed(cpu), unmapped, "a migration entry is counted by rss");
        set_pte(k, cpu, 0, Pte::swap(SwapId(3), false));
        let rss_swap = Class::Rss.obj(Rss::Swap as u32);
        assert_eq!(owed(cpu), [(rss, -1), (rss_swap, 1), (Class::SwapCount.obj(3), 1)]);
        set_pte(k, cpu, 0, Pte::NONE);
        assert_eq!(owed(cpu).len(), 2);
        for nowhere in
            [Pte::uffd_wp_marker(), Pte::poisoned_marker(), Pte::hwpoison(pfn), Pte::NONE]
        {
            set_pte(k, cpu, 0, nowhere);
            assert_eq!(owed(cpu), []);
        }
        assert_eq!(k.ptc_of(id), 0);
    });
    assert_eq!(complaints, []);
}

#[test]
fn a_huge_pmd_that_is_invalidated_and_migrated_is_counted_as_it_should() {
    let complaints = tell(Config::default(), |k, cpu| {
        let (id, pfn) = folio(k, cpu, true, true);
        let rss = (Class::Rss.obj(Rss::Anon as u32), i64::from(HPN));
        let (count, map) = (Class::Refcount.obj(id.0), Class::EntireMapcount.obj(id.0));
        let huge = Pmd::huge(pfn, true);
        with_pml(k, cpu, || k.set_pmd_at(cpu, M0, Vaddr(0), huge));
        assert_eq!(owed(cpu), [rss, (count, 1), (map, 1)]);
        assert_eq!(k.ptc_of(id), i64::from(HPN));
        let old = with_pml(k, cpu, || k.pmdp_invalidate(cpu, M0, Vaddr(0)));
        assert_eq!((old, owed(cpu)), (huge, vec![]), "a split in progress maps the page still");
        assert_eq!(k.ptc_of(id), 0, "but not for the hardware");
        with_pml(k, cpu, || k.set_pmd_at(cpu, M0, Vaddr(0), Pmd::migration(pfn, true, false)));
        assert_eq!(owed(cpu), [(count, -1), (map, -1)]);
        with_pml(k, cpu, || k.pmdp_huge_get_and_clear(cpu, M0, Vaddr(0)));
        assert_eq!(owed(cpu), [(rss.0, -rss.1)]);
    });
    assert_eq!(complaints, []);
}

#[test]
fn what_was_deposited_last_is_withdrawn_first() {
    let complaints = tell(Config::default(), |k, cpu| {
        let nr_ptes = k.mm(M0).nr_ptes.obj();
        let tables = [0, 1, 2].map(|_| k.pte_alloc_one(cpu).expect("memory"));
        with_pml(k, cpu, || {
            tables.iter().for_each(|&table| k.pgtable_trans_huge_deposit(cpu, M0, table));
            assert_eq!(owed(cpu), [(nr_ptes, 3)]);
            let all: Vec<TableId> = k.deposited(M0).map(|table| table.id).collect();
            assert_eq!(all, [tables[2], tables[1], tables[0]]);
            assert_eq!(k.pgtable_trans_huge_withdraw(cpu, M0), Some(tables[2]));
            assert_eq!(owed(cpu), [(nr_ptes, -1)]);
            k.pgtable_trans_huge_deposit(cpu, M0, tables[2]);
            for table in tables.into_iter().rev() {
                assert_eq!(k.pgtable_trans_huge_withdraw(cpu, M0), Some(table));
                k.pte_free_now(cpu, table);
            }
        });
        assert_eq!(k.deposited(M0).count(), 0);
    });
    assert_eq!(complaints, []);
}

#[test]
fn depositing_wants_pml_and_an_empty_table_and_withdrawing_a_deposit() {
    let complaints = tell(Config::default(), |k, cpu| {
        let table = k.pte_alloc_one(cpu).expect("memory");
        k.tables.get(table).entry(1).poke(Pte::uffd_wp_marker().0);
        k.pgtable_trans_huge_deposit(cpu, M0, table);
        k.tables.get(table).entry(1).poke(0);
        with_pml(k, cpu, || {
            k.pgtable_trans_huge_deposit(cpu, M0, table);
            // The list bites its tail now, so the second look finds the same table again.
            assert!(k.pgtable_trans_huge_withdraw(cpu, M0).is_some());
            k.mm(M0).pmd_huge_pte.poke(0);
            assert!(k.pgtable_trans_huge_withdraw(cpu, M0).is_none());
        });
    });
    let table = Class::Table.obj(0);
    assert_eq!(
        complaints,
        [
            Splat::NotHeld(Class::Pml.obj(0)),
            Splat::VmBug("a table is deposited with entries in it"),
            Splat::TableLinkage(table),
            Splat::VmBug("pgtable_trans_huge_withdraw() with nothing deposited"),
        ]
    );
}

#[test]
fn a_table_that_is_kept_on_the_stack_comes_back_with_its_entries() {
    let complaints = tell(Config::default(), |k, cpu| {
        let (_, pfn) = folio(k, cpu, false, true);
        set_pte(k, cpu, 2, Pte::present(pfn, true));
        let counted = owed(cpu);
        let pmd = with_pml(k, cpu, || k.pmdp_collapse_flush_and_keep(cpu, M0, Vaddr(0)));
        let table = pmd.pgtable().expect("a table");
        assert_eq!(k.tables.get(table).state(), TableState::DetachedLinkedByStack);
        // nr_ptes, rss, references, mapcount, and page_table_check: its entries left with it.
        assert_eq!(owed(cpu).len(), counted.len() + 2);
        with_pml(k, cpu, || k.pmd_populate(cpu, M0, Vaddr(0), table));
        assert_eq!(k.tables.get(table).state(), TableState::Linked);
        assert_eq!(owed(cpu).len(), counted.len() + 2);
    });
    assert_eq!(complaints, []);
}

#[test]
fn reuse_gives_out_the_table_that_was_freed_last() {
    for reuse in [false, true] {
        let complaints = tell(Config { reuse, ..Config::default() }, |k, cpu| {
            let [a, b] = [0, 1].map(|_| k.pte_alloc_one(cpu).expect("memory"));
            k.pte_free_now(cpu, a);
            k.pte_free_now(cpu, b);
            let next = k.pte_alloc_one(cpu).expect("memory");
            assert_eq!(next == b, reuse);
            assert_eq!(k.pte_alloc_one(cpu) == Some(a), reuse);
        });
        assert_eq!(complaints, []);
    }
}

/// The words that a story changes, in order: `L`, `H` or `B`oth halves of a 64-bit word, by what changed.
struct Halves(RefCell<String>);

impl Conductor for Halves {
    fn turn(&self, cpu: &Cpu<'_>) {
        cpu.grant(1 << 16, u16::MAX);
    }

    fn wait(&self, _: &Cpu<'_>, on: Obj) {
        panic!("nobody will ever release {on:?}");
    }

    fn wake(&self, _: &Cpu<'_>, _: u32) {}

    fn note(&self, _: &Cpu<'_>, what: What) {
        let (What::Rmw { obj, old, value } | What::Store { obj, old, value }) = what else {
            return;
        };
        if Class::Pte.has(obj) || Class::Pmd.has(obj) {
            let changed = old ^ value;
            let halves = [changed as u32 != 0, changed >> 32 != 0];
            self.0.borrow_mut().push_str(match halves {
                [true, true] => "B",
                [true, false] => "L",
                [false, true] => "H",
                [false, false] => "-",
            });
        }
    }

    fn arrived(&self, _: &Cpu<'_>, _: Place) {}
}

#[test]
fn on_pae_some_stores_are_two() {
    for (width, set, cleared) in [(Width::X64, "B", "B"), (Width::Pae, "HL", "LH")] {
        let config = Config { width, ..Config::default() };
        let k = Kernel::new(HPN, config, Era::V66.steps());
        let halves = Halves(RefCell::default());
        let cpu = &Cpu::conducted(0, &k.smp, &halves, None, true);
        let changed = |story: &dyn Fn()| {
            halves.0.borrow_mut().clear();
            story();
            halves.0.borrow().clone()
        };
        // A frame with bits in both words.
        let pfn = Pfn(7);
        assert_eq!(
            changed(&|| _ = k.pte_alloc(cpu, M0, Vaddr(0))),
            "B",
            "pmd_populate is one store"
        );
        let present = Pte::present(pfn, true);
        assert_eq!(changed(&|| set_pte(&k, cpu, 1, present)), set);
        let clear = |full: bool| {
            let (pte, ptl) = k.pte_offset_map_lock(cpu, M0, Vaddr(1)).expect("a table");
            let old = if full {
                k.ptep_get_and_clear(cpu, M0, pte, Vaddr(1))
            } else {
                k.pte_clear(cpu, M0, pte, Vaddr(1))
            };
            assert_eq!(old, present, "the old value is whole again");
            k.pte_unmap_unlock(cpu, ptl);
        };
        assert_eq!(changed(&|| clear(true)), "B", "ptep_get_and_clear is one exchange");
        set_pte(&k, cpu, 1, present);
        assert_eq!(changed(&|| clear(false)), cleared);
        let unlink = || {
            let old = k.pmd_clear(cpu, M0, Vaddr(0), TableState::Detached);
            assert!(old.is_table() && k.peek_pmd(M0, Vaddr(0)).is_none());
        };
        assert_eq!(changed(&unlink), cleared);
    }
}

#[test]
fn a_value_that_never_was_is_found_out() {
    let config = Config { width: Width::Pae, ..Config::default() };
    let complaints = tell(config, |k, _| {
        let pmdp = k.pmdp(M0, Vaddr(0));
        // Tables 1 and 2 were linked meanwhile, and are real, whatever is there now; 3 was not.
        let before = k.mm(M0).links[0].count();
        k.remember_link(pmdp, TableId(1));
        k.remember_link(pmdp, TableId(2));
        let real = |table| k.mm(M0).links[0].linked_since(before, TableId(table));
        assert_eq!([1, 2, 3].map(real), [true, true, false]);
        // After too many links nothing can be said.
        (0..5).for_each(|_| k.remember_link(pmdp, TableId(2)));
        assert!(real(3));
    });
    assert_eq!(complaints, []);
}
