//! A generator draws programs whose operations are likely to race with a collapse.

use std::ops::Range;

use super::axes::{AXES, Axes};
use super::fixup::fixup;
use super::limits::{CPUS_MAX, SEED_MAX};
use super::op::{
    Access, Advice, At, FileRef, GupFlags, GupKind, MapFlags, MmRef, MremapFlags, Nth, Op, Prot,
    Switch, UffdModes, VmaRef,
};
use super::program::{Head, Policy, Program};
use super::scene::SCENES;
use super::schedule::{Decision, Schedule};
use super::setup::{Mapped, Setup};
use super::size::Size;

/// What the programs of a generator look like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Base pages to a huge page; `None` = now 4, now 8.
    pub hpn: Option<u16>,
    /// Number of CPUs; `None` = mostly 2 or 3.
    pub cpus: Option<u8>,
    /// The fewest operations of a CPU.
    pub ops_min: u8,
    /// The most operations of a CPU.
    pub ops_max: u8,
    /// The most scheduling decisions.
    pub decisions_max: u8,
    /// Index of the starting scene in [`SCENES`]; `None` = any.
    pub scene: Option<u8>,
    /// Who schedules. A random policy gets a random seed.
    pub policy: Policy,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            hpn: None,
            cpus: None,
            ops_min: 3,
            ops_max: 6,
            decisions_max: 4,
            scene: None,
            policy: Policy::Records,
        }
    }
}

/// A well-formed program of a shape, drawn with numbers from `next`.
pub fn generate(next: &mut dyn FnMut() -> u32, shape: &Shape) -> Program {
    let mut dice = Dice { next, vmas: 1 };
    let hpn = shape.hpn.unwrap_or_else(|| Head::HPNS[usize::from(dice.one_in(2))]);
    let setup = setup(&mut dice, shape);
    let mut cpus = cpus(&mut dice, shape);
    let mut decisions = decisions(&mut dice, shape, &cpus);
    if !dice.one_in(6) {
        meet(&mut dice, shape, hpn, &mut cpus, &mut decisions);
    }
    let schedule = Schedule::Decisions(decisions);
    let seed = match shape.policy {
        Policy::Records => 0,
        _ => u64::from((dice.next)()) & SEED_MAX,
    };
    let axes = axes(&mut dice);
    let head = Head { hpn, policy: shape.policy, seed, axes, ..Head::default() };
    let mut program = Program { head, setup, cpus, schedule };
    fixup(&mut program);
    program
}

/// An operation about one of the first `vmas` mappings, drawn as those of a program are.
pub(super) fn operation(next: &mut dyn FnMut() -> u32, vmas: u32) -> Op {
    let mut dice = Dice { next, vmas };
    dice.weighted(WEIGHTS)(&mut dice)
}

/// Makes an operation about the vmas of a program.
type Make = fn(&mut Dice<'_>) -> Op;

/// How often each operation is drawn. Each collapses a range, walks it, or takes something away under it.
const WEIGHTS: &[(u32, Make)] = &[
    (6, |dice| Op::Read { at: dice.at() }),
    (9, |dice| Op::Write { at: dice.at() }),
    (7, |dice| dice.madvise(Advice::Dontneed)),
    (7, |dice| dice.madvise(Advice::Collapse)),
    (3, |dice| dice.madvise(Advice::PopulateRead)),
    (2, |dice| dice.madvise(Advice::PopulateWrite)),
    (2, |dice| Op::Munmap { at: At::start(dice.vma()), len: Size::ZERO }),
    (4, |dice| Op::Truncate { file: FileRef(0), len: dice.shorter() }),
    (1, |_| Op::Truncate { file: FileRef(0), len: Size::huge(1) }),
    (4, |dice| Op::Swapout { at: dice.at() }),
    (4, |dice| Op::Migrate { at: dice.at() }),
    (4, |dice| Op::Khugepaged { vma: dice.vma() }),
    (3, |dice| Op::Uprobe { at: dice.at() }),
    (4, |dice| Op::KvmFault { at: dice.at(), access: dice.access() }),
    (3, |dice| Op::TlbFill { at: dice.at(), access: Access::Read }),
    (1, |dice| Op::TlbEvict { at: dice.at() }),
    (2, |_| Op::RcuGp),
    (2, |dice| Op::PteAlloc { at: dice.at() }),
    (1, |_| Op::LruDrain),
    (1, |dice| Op::Munmap { at: dice.at(), len: Size::base(1) }),
    (2, |dice| dice.map()),
    (1, |dice| dice.madvise(Advice::Free)),
    (1, |dice| dice.madvise(Advice::Pageout)),
    (1, |dice| dice.madvise(Advice::Cold)),
    (1, |dice| dice.madvise(Advice::Nohugepage)),
    (3, |dice| Op::GupFast { at: dice.at(), access: dice.access(), kind: dice.kind() }),
    (2, |dice| dice.gup_slow()),
    (2, |_| Op::Put),
    (2, |dice| Op::Split { at: dice.at() }),
    (1, |dice| Op::Poison { at: dice.at() }),
    (2, |dice| Op::HmmFault { at: dice.at(), access: dice.access() }),
    (1, |dice| Op::Smaps { vma: dice.vma() }),
    (1, |dice| Op::Pagemap { vma: dice.vma() }),
    (1, |dice| Op::Mincore { at: dice.at(), len: Size::ZERO }),
    (1, |dice| dice.madvise(Advice::Hugepage)),
    (1, |dice| Op::Exit { mm: MmRef(dice.below(2) as u8) }),
    (1, |dice| Op::OomReap { mm: MmRef(dice.below(2) as u8) }),
    (3, |dice| Op::Punch { file: FileRef(0), off: dice.page(), len: dice.shorter() }),
    (1, |dice| Op::Alloc { file: FileRef(0), off: dice.page(), len: dice.shorter() }),
    (3, |dice| Op::FileWrite { file: FileRef(0), off: dice.page() }),
    (1, |_| Op::OpenWrite { file: FileRef(0) }),
    (1, |_| Op::CloseWrite { file: FileRef(0) }),
    (2, |dice| dice.madvise(Advice::Remove)),
    (3, |_| Op::Fork { parent: MmRef(0), child: MmRef(1) }),
    (3, |dice| dice.mremap()),
    (2, |dice| dice.mprotect()),
    (2, |dice| Op::Numa { at: At::start(dice.vma()), len: dice.len() }),
    (1, |dice| Op::UffdRegister { at: dice.at(), len: Size::ZERO, modes: dice.modes() }),
    (1, |dice| Op::UffdUnregister { at: dice.at(), len: Size::ZERO }),
    (2, |dice| Op::UffdCopy { at: dice.at() }),
    (1, |dice| Op::UffdZeropage { at: dice.at() }),
    (1, |dice| Op::UffdContinue { at: dice.at() }),
    (1, |dice| Op::UffdPoison { at: dice.at() }),
    (2, |dice| Op::UffdWp { at: dice.at(), len: Size::base(1), wp: Switch::On }),
    (1, |dice| Op::UffdWp { at: dice.at(), len: Size::ZERO, wp: dice.switch() }),
    (1, |dice| Op::FailAlloc { nth: Nth(dice.below(8) as u8) }),
    (1, |dice| Op::ContextSwitch { mm: MmRef(dice.below(2) as u8) }),
];

/// The operations that collapse, for the program that shall have one.
const COLLAPSES: &[(u32, Make)] = &[
    (5, |dice| Op::Madvise { at: dice.at(), len: Size::ZERO, advice: Advice::Collapse }),
    (3, |dice| Op::Khugepaged { vma: dice.vma() }),
    (2, |dice| Op::Uprobe { at: dice.at() }),
];

/// What the set-up has more of than its scene, in one program of four.
const EXTRAS: &[(u32, Make)] = &[
    (3, |dice| Op::Write { at: dice.at() }),
    (2, |dice| Op::Read { at: dice.at() }),
    (2, |dice| dice.madvise(Advice::Dontneed)),
    (2, |dice| Op::KvmFault { at: dice.at(), access: dice.access() }),
];

/// Operations that meet a collapse in its windows: what a meeting is made of.
const PARTNERS: &[(u32, Make)] = &[
    (24, |dice| Op::Write { at: dice.at() }),
    (2, |dice| Op::Read { at: dice.at() }),
    (2, |dice| dice.madvise(Advice::Dontneed)),
    (2, |_| Op::Truncate { file: FileRef(0), len: Size::ZERO }),
    (1, |dice| Op::Munmap { at: At::start(dice.vma()), len: Size::ZERO }),
    (1, |dice| dice.madvise(Advice::Collapse)),
    (1, |dice| Op::KvmFault { at: dice.at(), access: dice.access() }),
    (1, |dice| Op::TlbFill { at: dice.at(), access: Access::Read }),
    (1, |dice| Op::PteAlloc { at: dice.at() }),
    (1, |dice| Op::Punch { file: FileRef(0), off: dice.page(), len: Size::base(1) }),
    (1, |dice| Op::FileWrite { file: FileRef(0), off: dice.page() }),
];

/// The steps of a collapse between which a meeting takes place: from the folio lock to step 5 at HPN 4 and 8.
const WINDOW: Range<u32> = 12..76;
/// Steps until the first look at the PTEs, and steps of the gap between that look and the second one, which begins a
/// step for each PTE later. Most meetings take place there.
const FIRST_LOOK: u32 = 17;
const GAP: u32 = 5;

/// How often each scene is drawn: those with a private mapping more often, since only there a copy can be made.
const SCENE_WEIGHTS: &[(u32, usize)] = &[
    (2, 0),
    (10, 1),
    (1, 2),
    (2, 3),
    (2, 4),
    (1, 5),
    (3, 6),
    (1, 7),
    (2, 8),
    (2, 9),
    (2, 10),
    (1, 11),
    (3, 12),
    (1, 13),
    (1, 14),
    (6, 15),
    (2, 16),
    (1, 17),
    (1, 18),
    (2, 19),
    (2, 20),
    (1, 21),
    (1, 22),
    (2, 23),
    (1, 24),
    (2, 25),
    (2, 26),
    (2, 27),
    (1, 28),
];

/// Numbers of CPUs.
const CPU_COUNTS: [(u32, u8); 4] = [(1, 1), (9, 2), (8, 3), (2, 4)];

fn setup(dice: &mut Dice<'_>, shape: &Shape) -> Vec<Setup> {
    let scene = match shape.scene {
        Some(scene) => usize::from(scene) % SCENES.len(),
        None => dice.weighted(SCENE_WEIGHTS),
    };
    let mut setup = SCENES[scene].items.to_vec();
    if shape.scene.is_none() && dice.one_in(2) {
        // khugepaged comes to what may be huge.
        for item in &mut setup {
            if let Setup::Mmap { flags, .. } = item {
                flags.0 |= MapFlags::HUGEPAGE.0;
            }
        }
    }
    if dice.one_in(8) {
        let file = FileRef(0);
        let kinds = [Mapped::Anon, Mapped::Shared(file), Mapped::Private(file)];
        let what = kinds[dice.below(3) as usize];
        let prot = if dice.one_in(4) { Prot::Ro } else { Prot::Rw };
        let (at, len) = (Size::huge(5), Size::huge(1));
        setup.push(Setup::Mmap {
            mm: MmRef(0),
            what,
            at,
            len,
            off: Size::ZERO,
            prot,
            flags: MapFlags::default(),
        });
    }
    dice.vmas = setup.iter().filter(|item| matches!(item, Setup::Mmap { .. })).count() as u32;
    if dice.one_in(4) {
        for _ in 0..=dice.below(3) {
            let make = dice.weighted(EXTRAS);
            setup.push(Setup::Do(make(dice)));
        }
    }
    setup
}

/// One axis off its default in every second program; the checker stays on, since it finds most.
fn axes(dice: &mut Dice<'_>) -> Axes {
    let mut axes = Axes::default();
    if dice.one_in(2) {
        let axis = dice.below(AXES.len() as u32) as usize;
        if axis != Axes::PAGE_TABLE_CHECK {
            axes.set(axis, 1 + dice.below(AXES[axis].values.len() as u32 - 1) as usize);
        }
    }
    axes
}

fn cpus(dice: &mut Dice<'_>, shape: &Shape) -> Vec<Vec<Op>> {
    let count = shape.cpus.unwrap_or_else(|| dice.weighted(&CPU_COUNTS)).clamp(1, CPUS_MAX as u8);
    let mut cpus: Vec<Vec<Op>> = Vec::new();
    for _ in 0..count {
        let spare = shape.ops_max.saturating_sub(shape.ops_min);
        let ops = u32::from(shape.ops_min) + dice.below(u32::from(spare) + 1);
        cpus.push((0..ops).map(|_| dice.weighted(WEIGHTS)(dice)).collect());
    }
    // A program without a collapse is worth a run now and then, but few are.
    if !dice.one_in(16) {
        let cpu = dice.below(u32::from(count)) as usize;
        let ops = cpus[cpu].len() as u32;
        let op = dice.weighted(COLLAPSES)(dice);
        if ops > 0 {
            cpus[cpu][dice.below(ops) as usize] = op;
        }
    }
    cpus
}

fn decisions(dice: &mut Dice<'_>, shape: &Shape, cpus: &[Vec<Op>]) -> Vec<Decision> {
    let count = cpus.len() as u32;
    if count == 1 || shape.policy != Policy::Records {
        return Vec::new();
    }
    let mut decisions = Vec::new();
    for _ in 0..dice.below(u32::from(shape.decisions_max) + 1) {
        let cpu = dice.below(count);
        let op = dice.below(cpus[cpu as usize].len() as u32 + 1) as u8;
        let k = dice.below(64) as u16;
        // Another CPU: to yield to itself decides nothing.
        let next = (cpu + 1 + dice.below(count - 1)) % count;
        decisions.push(Decision { cpu: cpu as u8, op, k, next: next as u8 });
    }
    decisions
}

/// Lets CPU 0 begin with a collapse and CPU 1 with an operation that comes into one of its windows: left to chance,
/// few programs would come to an abort.
fn meet(
    dice: &mut Dice<'_>,
    shape: &Shape,
    hpn: u16,
    cpus: &mut [Vec<Op>],
    decisions: &mut Vec<Decision>,
) {
    let [collapser, partner, ..] = cpus else { return };
    let (Some(first), Some(second)) = (collapser.first_mut(), partner.first_mut()) else { return };
    *first = Op::Madvise { at: At::start(VmaRef(0)), len: Size::ZERO, advice: Advice::Collapse };
    *second = dice.weighted(PARTNERS)(dice);
    if shape.policy == Policy::Records {
        let k = if dice.one_in(3) {
            WINDOW.start + dice.below(WINDOW.end - WINDOW.start)
        } else {
            FIRST_LOOK + u32::from(hpn) + dice.below(GAP)
        };
        decisions.retain(|decision| decision.op != 0 || decision.cpu > 1);
        decisions.push(Decision { cpu: 0, op: 0, k: k as u16, next: 1 });
    }
}

/// Numbers at random, and what is drawn with them.
struct Dice<'a> {
    next: &'a mut dyn FnMut() -> u32,
    vmas: u32,
}

impl Dice<'_> {
    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: u32) -> u32 {
        ((u64::from((self.next)()) * u64::from(bound)) >> 32) as u32
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    fn weighted<T: Copy>(&mut self, table: &[(u32, T)]) -> T {
        let mut number = self.below(table.iter().map(|(weight, _)| weight).sum());
        for &(weight, value) in table {
            if number < weight {
                return value;
            }
            number -= weight;
        }
        unreachable!("the number is below the sum of the weights")
    }

    /// The first vma half of the time: CPUs must meet to race.
    fn vma(&mut self) -> VmaRef {
        if self.one_in(2) { VmaRef(0) } else { VmaRef(self.below(self.vmas) as u8) }
    }

    fn modes(&mut self) -> UffdModes {
        UffdModes(1 + self.below(7) as u8)
    }

    fn switch(&mut self) -> Switch {
        Switch::ALL[self.below(2) as usize]
    }

    fn kind(&mut self) -> GupKind {
        GupKind::ALL[self.below(GupKind::ALL.len() as u32) as usize]
    }

    /// Something is mapped over a whole vma.
    fn map(&mut self) -> Op {
        let file = FileRef(0);
        let kinds = [Mapped::Anon, Mapped::Shared(file), Mapped::Private(file)];
        let what = kinds[self.below(3) as usize];
        Op::Map { vma: self.vma(), what, prot: Prot::Rw, off: Size::ZERO }
    }

    /// A debugger's store now and then, by a number that was drawn anyway: a seed goes on meaning the same program otherwise.
    fn gup_slow(&mut self) -> Op {
        let (at, access, kind) = (self.at(), self.access(), self.kind());
        let force = access.is_write() && kind == GupKind::Get && at.p == 3;
        let flags = if force { GupFlags::FORCE } else { GupFlags::default() };
        Op::GupSlow { at, access, kind, flags }
    }

    fn access(&mut self) -> Access {
        if self.one_in(2) { Access::Write } else { Access::Read }
    }

    /// An address in the first pages; fix-up keeps it inside the vma.
    fn at(&mut self) -> At {
        At { vma: self.vma(), h: 0, p: self.below(4) as u8 }
    }

    /// Half of the time to the end of the vma, else a few pages.
    fn madvise(&mut self, advice: Advice) -> Op {
        let at = if self.one_in(2) { At::start(self.vma()) } else { self.at() };
        Op::Madvise { at, len: self.len(), advice }
    }

    /// Half of the time to the end of the vma, else a few pages.
    fn len(&mut self) -> Size {
        match self.below(4) {
            0 => Size::base(1),
            1 => Size { h: self.below(2) as u8, p: 2 },
            _ => Size::ZERO,
        }
    }

    /// Mostly of a whole vma, so that tables and huge pages move as a whole.
    fn mremap(&mut self) -> Op {
        let at = if self.one_in(4) { self.at() } else { At::start(self.vma()) };
        let to = VmaRef(self.below(self.vmas) as u8);
        let len = if self.one_in(2) { Size::ZERO } else { self.len() };
        let flags = if self.one_in(4) { MremapFlags::DONTUNMAP } else { MremapFlags::default() };
        Op::Mremap { at, to, len, flags }
    }

    fn mprotect(&mut self) -> Op {
        let at = if self.one_in(2) { At::start(self.vma()) } else { self.at() };
        let prot = Prot::ALL[self.below(Prot::ALL.len() as u32) as usize];
        Op::Mprotect { at, len: self.len(), prot }
    }

    /// One of the first pages of a file.
    fn page(&mut self) -> Size {
        Size::base(self.below(4) as u8)
    }

    /// A length that cuts a file of one unit off.
    fn shorter(&mut self) -> Size {
        if self.one_in(2) { Size::ZERO } else { Size::base(1 + self.below(3) as u8) }
    }
}
