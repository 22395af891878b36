//! Stories about get_user_pages: what is found, what is refused, and what happens between the read of an entry and the
//! second look at it.

use std::cell::{Cell, RefCell};

use super::FollFlags;
use crate::mm::khugepaged::Errno;
use crate::mm::memory::Signal;
use crate::mm::place::ip;
use crate::mm::steps::{Era, PROTECTIONS, Steps};
use crate::mm::tlb::UserAccess::{self, Read, Write};
use crate::mm::types::{FileId, FolioId, MmId, Pfn, Vaddr, ZERO_PFN};
use crate::mm::vma::{VmFlags, VmaSpec};
use crate::mm::{Config, Kernel, Ptlock};
use crate::sync::{Conductor, Cpu, Obj, Place, Splat, What};

const HPN: u32 = 4;
const MM: MmId = MmId(0);
const FILE: FileId = FileId(0);
/// A shared mapping of a file of one huge page.
const SHARED: Vaddr = Vaddr(0);
/// A private mapping of the same.
const PRIVATE: Vaddr = Vaddr(HPN);
/// Anonymous memory.
const ANON: Vaddr = Vaddr(2 * HPN);

const GET: FollFlags = FollFlags::GET;
const WRITE: FollFlags = FollFlags::WRITE;
const PIN: FollFlags = FollFlags::PIN;
const LONGTERM: FollFlags = FollFlags::LONGTERM;

/// What another CPU does at some place of this one.
type Meanwhile<'a> = Box<dyn FnOnce() + 'a>;

/// Lets a CPU run on; remembers complaints; at one place it runs what another CPU does meanwhile.
#[derive(Default)]
struct Alone<'a> {
    splats: RefCell<Vec<Splat>>,
    meanwhile: RefCell<Option<Meanwhile<'a>>>,
    came: Cell<bool>,
}

impl Conductor for Alone<'_> {
    fn turn(&self, cpu: &Cpu<'_>) {
        cpu.grant(1 << 16, u16::MAX);
    }

    fn wait(&self, _: &Cpu<'_>, on: Obj) {
        panic!("nobody will ever release {on:?}");
    }

    fn wake(&self, _: &Cpu<'_>, _: u32) {}

    fn note(&self, _: &Cpu<'_>, what: What) {
        if let What::Splat(splat) = what {
            self.splats.borrow_mut().push(splat);
        }
    }

    fn arrived(&self, _: &Cpu<'_>, _: Place) {
        if let Some(meanwhile) = self.meanwhile.borrow_mut().take() {
            self.came.set(true);
            meanwhile();
        }
    }
}

fn machine(ptlock: Ptlock, steps: Steps, huge: bool) -> Kernel {
    let k = Kernel::new(HPN, Config { ptlock, ..Config::default() }, steps);
    let rw = VmFlags::READ.with(VmFlags::WRITE);
    for (start, file, flags) in [
        (SHARED, Some(FILE), rw.with(VmFlags::SHARED)),
        (PRIVATE, Some(FILE), rw),
        (ANON, None, rw),
    ] {
        let end = Vaddr(start.0 + HPN);
        let vma = k.vmas.alloc(&VmaSpec { mm: MM, start, end, pgoff: 0, file, flags });
        let vma = vma.expect("room");
        k.mm(MM).vma_tree.poke_bits(1 << vma.0, 0);
        if file.is_some() {
            k.mapping(FILE).i_mmap.poke_bits(1 << vma.0, 0);
        }
    }
    k.mapping(FILE).i_size.poke(u64::from(HPN));
    if huge {
        let cpu = Cpu::free(0, &k.smp);
        let folio = k.folio_alloc(&cpu, true).expect("memory");
        k.shmem_init_folio(folio);
        assert!(k.filemap_add_folio(&cpu, FILE, 0, folio));
        k.folio_put(&cpu, folio);
    }
    k
}

/// Tells a story with each kind of page-table locks. Whatever is held at its end is given back, and then the books
/// agree: nobody but entries and caches has references.
#[track_caller]
fn tell(huge: bool, story: impl Fn(&Kernel, &Cpu<'_>)) {
    for ptlock in [Ptlock::Split, Ptlock::None] {
        let kernel = machine(ptlock, Era::V66.steps(), huge);
        let alone = Alone::default();
        let cpu = Cpu::conducted(0, &kernel.smp, &alone, None, false);
        story(&kernel, &cpu);
        assert!(cpu.debts.is_settled(), "{:?}", cpu.debts.open());
        kernel.gup_put_all(&cpu);
        audit(&kernel, &cpu);
        assert_eq!(alone.splats.borrow().as_slice(), &[], "with {ptlock:?}");
    }
}

#[track_caller]
fn audit(k: &Kernel, cpu: &Cpu<'_>) {
    k.rcu_do_batch(cpu);
    k.lru_add_drain_all(cpu);
    assert!(cpu.debts.is_settled(), "{:?}", cpu.debts.open());
    assert!(!cpu.held().is_atomic() && !cpu.irqs_disabled());
    for folio in k.folios.touched() {
        let cached = k.files.iter().flat_map(|file| &file.i_pages);
        let cached = cached.filter(|slot| slot.peek() == u64::from(folio.0) + 1).count() as i64;
        let refs = k.folio(folio).refcount.peek() as i64;
        assert_eq!(refs, k.folio_mapcount(folio) + cached, "references to {folio:?}");
        assert_eq!(k.folio(folio).pincount.peek(), 0, "pins of {folio:?}");
    }
}

/// A user's access. No batch of the LRU keeps a reference afterwards.
#[track_caller]
fn touch(k: &Kernel, cpu: &Cpu<'_>, addr: Vaddr, access: UserAccess) {
    assert!(k.user_access(cpu, MM, addr, access).is_ok());
    k.lru_add_drain_all(cpu);
}

fn refs(k: &Kernel, folio: FolioId) -> i64 {
    k.folio(folio).refcount.peek() as i64
}

fn mapped(k: &Kernel, addr: Vaddr) -> Pfn {
    k.peek_translation(MM, addr).expect("it is mapped").0
}

#[test]
fn the_fast_path_finds_what_is_mapped_and_nothing_else() {
    tell(false, |k, cpu| {
        assert!(!k.gup_fast(cpu, MM, ANON, GET), "no table");
        touch(k, cpu, ANON, Write(7));
        assert!(!k.gup_fast(cpu, MM, Vaddr(ANON.0 + 1), GET), "no entry");
        touch(k, cpu, Vaddr(ANON.0 + 1), Read);
        assert!(!k.gup_fast(cpu, MM, Vaddr(ANON.0 + 1), GET), "the zero page is special");
        touch(k, cpu, PRIVATE, Read);
        assert!(!k.gup_fast(cpu, MM, PRIVATE, WRITE), "mapped read-only");
        for flags in [GET, WRITE, PIN] {
            assert!(k.gup_fast(cpu, MM, ANON, flags));
        }
        assert!(k.gup_fast(cpu, MM, PRIVATE, PIN), "a short pin of a page of a file");
        let found: Vec<Pfn> = k.gup_held[0].iter().map(|held| held.pfn).collect();
        assert_eq!(found[..3], [mapped(k, ANON); 3]);
        assert_eq!(found[3], mapped(k, PRIVATE));
        assert!(!k.gup_fast(cpu, MM, ANON, GET), "the list is full");
        assert_eq!(k.gup_slow(cpu, MM, ANON, GET), Ok(false));
    });
}

#[test]
fn a_pin_of_a_small_folio_is_many_references() {
    tell(false, |k, cpu| {
        touch(k, cpu, ANON, Write(7));
        let folio = k.folios.of(mapped(k, ANON));
        assert!(k.gup_fast(cpu, MM, ANON, PIN));
        assert_eq!(refs(k, folio), 1 + 1024);
        assert_eq!(k.gup_slow(cpu, MM, ANON, PIN.writing(true)), Ok(true));
        assert_eq!(refs(k, folio), 1 + 2048);
        assert!(k.gup_put(cpu) && k.gup_put(cpu) && !k.gup_put(cpu));
        assert_eq!(refs(k, folio), 1);
    });
}

#[test]
fn a_pin_of_a_huge_page_is_counted_apart() {
    tell(true, |k, cpu| {
        touch(k, cpu, SHARED, Read);
        let folio = k.folios.of(mapped(k, SHARED));
        let before = refs(k, folio);
        for (n, flags) in (1..).zip([PIN, LONGTERM.writing(true), PIN.writing(true)]) {
            assert!(k.gup_fast(cpu, MM, Vaddr(SHARED.0 + n as u32), flags));
            assert_eq!(k.folio(folio).pincount.peek(), n);
            assert_eq!(refs(k, folio), before + n as i64);
        }
        assert_eq!(k.gup_slow(cpu, MM, SHARED, PIN), Ok(true));
        assert_eq!(k.folio(folio).pincount.peek(), 4);
        assert_eq!(k.gup_held[0].iter().nth(1).map(|held| held.pfn), Some(mapped(k, Vaddr(2))));
    });
}

#[test]
fn the_slow_path_faults_pages_in() {
    tell(false, |k, cpu| {
        assert_eq!(k.gup_slow(cpu, MM, ANON, GET), Ok(true));
        assert_eq!(k.gup_held[0].iter().next().map(|held| held.pfn), Some(ZERO_PFN));
        assert_eq!(k.gup_slow(cpu, MM, PRIVATE, WRITE), Ok(true));
        assert!(k.folio_of(mapped(k, PRIVATE)).is_anon());
        assert_eq!(k.gup_slow(cpu, MM, Vaddr(3 * HPN), GET), Err(Signal::Segv));
        k.shmem_setattr(cpu, FILE, 0);
        assert_eq!(k.gup_slow(cpu, MM, SHARED, GET), Err(Signal::Bus));
    });
}

#[test]
fn a_page_that_is_held_outlives_its_mapping() {
    tell(false, |k, cpu| {
        touch(k, cpu, ANON, Write(7));
        let folio = k.folios.of(mapped(k, ANON));
        assert!(k.gup_fast(cpu, MM, ANON, GET));
        assert_eq!(k.madvise_dontneed(cpu, MM, ANON, HPN), Errno::Ok);
        assert!(k.folio(folio).is_allocated());
        assert!(k.gup_put(cpu));
        assert!(!k.folio(folio).is_allocated());
    });
}

#[test]
fn a_long_pin_for_reading_makes_a_private_page_the_mms_own() {
    tell(false, |k, cpu| {
        touch(k, cpu, PRIVATE, Read);
        assert!(!k.gup_fast(cpu, MM, PRIVATE, LONGTERM), "the fast path does not know the VMA");
        assert_eq!(k.gup_slow(cpu, MM, PRIVATE, LONGTERM), Ok(true));
        let pinned = mapped(k, PRIVATE);
        assert!(k.folio_of(pinned).is_anon());
        assert_eq!(k.peek_translation(MM, PRIVATE), Some((pinned, false)), "not writable");
        assert!(k.gup_fast(cpu, MM, PRIVATE, LONGTERM), "exclusive: pinned as it is");
        touch(k, cpu, PRIVATE, Write(9));
        assert_eq!(k.peek_translation(MM, PRIVATE), Some((pinned, true)), "the same page");
        // The zero page of anonymous memory is nobody's own either.
        touch(k, cpu, ANON, Read);
        assert_eq!(k.gup_slow(cpu, MM, ANON, LONGTERM), Ok(true));
        assert_ne!(mapped(k, ANON), ZERO_PFN);
        // A shared mapping shows every write anyway.
        assert_eq!(k.gup_slow(cpu, MM, SHARED, LONGTERM), Ok(true));
        assert!(!k.folio_of(mapped(k, SHARED)).is_anon());
    });
}

#[test]
fn a_fork_in_progress_refuses_fast_pins() {
    tell(false, |k, cpu| {
        touch(k, cpu, ANON, Write(7));
        k.mm(MM).write_protect_seq.poke(1);
        assert!(!k.gup_fast(cpu, MM, ANON, PIN));
        assert!(k.gup_fast(cpu, MM, ANON, GET), "a reference does not mind");
        k.mm(MM).write_protect_seq.poke(2);
        assert!(k.gup_fast(cpu, MM, ANON, PIN));
    });
}

/// What GUP-fast of an anonymous page returns if, when it comes to `at`, another CPU does `meanwhile`; with a protection
/// left out or not.
#[track_caller]
fn raced(
    at: Place,
    addr: Vaddr,
    flags: FollFlags,
    without: Option<&str>,
    meanwhile: impl Fn(&Kernel, &Cpu<'_>),
) -> Option<(Pfn, bool)> {
    let mut steps = Era::V66.steps();
    if let Some(name) = without {
        let protection = PROTECTIONS.iter().find(|protection| protection.name == name);
        (protection.expect("it exists").leave_out)(&mut steps);
    }
    let kernel = machine(Ptlock::Split, steps, addr == SHARED);
    let k = &kernel;
    let others = Alone::default();
    let other = Cpu::conducted(1, &k.smp, &others, None, false);
    let alone = Alone::default();
    *alone.meanwhile.borrow_mut() = Some(Box::new(|| meanwhile(k, &other)));
    let cpu = Cpu::conducted(0, &k.smp, &alone, None, false);
    touch(k, &other, addr, Write(7));
    cpu.stop_at(at);
    let got = k.gup_fast(&cpu, MM, addr, flags);
    assert!(alone.came.get(), "the place was not reached");
    assert!(others.splats.borrow().is_empty());
    let held = k.gup_held[0].iter().next();
    assert_eq!(got, held.is_some());
    let still = held.map(|held| (held.pfn, k.peek_maps(MM, addr, held.pfn, flags.write)));
    k.gup_put_all(&cpu);
    still
}

#[test]
fn an_entry_that_is_zapped_before_the_grab_is_noticed() {
    let zap = |k: &Kernel, cpu: &Cpu<'_>| {
        assert_eq!(k.madvise_dontneed(cpu, MM, ANON, 1), Errno::Ok);
        // The frame goes round, and is somebody else's.
        touch(k, cpu, Vaddr(ANON.0 + 1), Write(8));
    };
    assert_eq!(raced(ip::gf3, ANON, GET, None, zap), None);
    assert_eq!(raced(ip::gf4, ANON, GET, None, zap), None);
    let stale = raced(ip::gf4, ANON, GET, Some("gup_pte_recheck"), zap);
    assert!(stale.is_some_and(|(_, mapped)| !mapped), "without the second look: {stale:?}");
}

#[test]
fn a_huge_entry_that_is_zapped_before_the_grab_is_noticed() {
    let zap = |k: &Kernel, cpu: &Cpu<'_>| {
        assert_eq!(k.madvise_dontneed(cpu, MM, SHARED, HPN), Errno::Ok);
    };
    assert_eq!(raced(ip::gf1, SHARED, PIN, None, zap), None);
    let stale = raced(ip::gf1, SHARED, PIN, Some("gup_pmd_recheck"), zap);
    assert!(stale.is_some_and(|(_, mapped)| !mapped), "without the second look: {stale:?}");
}

#[test]
fn a_fork_that_begins_during_the_walk_undoes_the_pin() {
    let fork = |k: &Kernel, _: &Cpu<'_>| k.mm(MM).write_protect_seq.poke(2);
    assert_eq!(raced(ip::gf4, ANON, PIN, None, fork), None);
    assert!(raced(ip::gf4, ANON, PIN, Some("gup_pin_seq"), fork).is_some());
    assert!(raced(ip::gf4, ANON, GET, None, fork).is_some(), "a reference does not mind");
}

#[test]
fn a_truncated_page_is_not_pinned_for_long() {
    let truncate = |k: &Kernel, _: &Cpu<'_>| {
        // The page leaves the cache with its entry still there: what the second look cannot see.
        let folio = k.folios.of(mapped(k, SHARED));
        k.folio(folio).init_mapping(crate::mm::Mapping::None, 0);
    };
    let long = LONGTERM.writing(true);
    assert_eq!(raced(ip::gf1, SHARED, long, None, truncate), None);
    assert!(raced(ip::gf1, SHARED, PIN.writing(true), None, truncate).is_some());
    assert!(raced(ip::gf1, SHARED, long, Some("gup_fast_pin_allowed"), truncate).is_some());
}

#[test]
fn flags_survive_their_bits() {
    for bits in 0..8 {
        assert_eq!(FollFlags::from_bits(bits).bits(), bits);
    }
}
