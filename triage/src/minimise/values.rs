//! A simpler value is a smaller number, an earlier address or a plainer machine.

use racewalk::prog::{
    AXES, Advice, At, Axes, FileKind, Head, MapFlags, Mapped, Op, Program, Setup, Size, Slot,
    VmaRef,
};

use super::trial::Trial;

/// Tries each simpler value once, everywhere.
pub(super) fn simplify(trial: &mut Trial<'_>) -> bool {
    let mut smaller = machine(trial);
    for item in 0..trial.best().setup.len() {
        for simpler in simpler_items(trial.best().setup[item]) {
            smaller |= trial.accept(edited(trial.best(), |program| program.setup[item] = simpler));
        }
    }
    for cpu in 0..trial.best().cpus.len() {
        for op in 0..trial.best().cpus[cpu].len() {
            for simpler in simpler_ops(trial.best().cpus[cpu][op]) {
                smaller |=
                    trial.accept(edited(trial.best(), |program| program.cpus[cpu][op] = simpler));
            }
        }
    }
    smaller | one_page(trial)
}

fn edited(program: &Program, edit: impl FnOnce(&mut Program)) -> Program {
    let mut program = program.clone();
    edit(&mut program);
    program
}

/// The smallest machine, in its usual configuration.
fn machine(trial: &mut Trial<'_>) -> bool {
    let head = &trial.best().head;
    let (hpn, axes) = (head.hpn, head.axes);
    let mut smaller = false;
    for plain in Head::HPNS.into_iter().filter(|&plain| plain < hpn) {
        smaller |= plain < trial.best().head.hpn
            && trial.accept(edited(trial.best(), |p| p.head.hpn = plain));
    }
    if axes != Axes::default() {
        smaller |= trial.accept(edited(trial.best(), |p| p.head.axes = Axes::default()));
    }
    for axis in 0..AXES.len() {
        if !trial.best().head.axes.is_default(axis) {
            smaller |= trial.accept(edited(trial.best(), |p| p.head.axes.set(axis, 0)));
        }
    }
    smaller
}

/// Moves all operations on one page to an earlier page, together.
fn one_page(trial: &mut Trial<'_>) -> bool {
    let pages = |program: &Program| {
        let ops =
            program.cpus.iter().flatten().copied().chain(program.setup.iter().filter_map(|item| {
                match item {
                    Setup::Do(op) => Some(*op),
                    _ => None,
                }
            }));
        let mut pages: Vec<At> =
            ops.filter_map(|op| op.at()).filter(|at| at.h > 0 || at.p > 0).collect();
        pages.sort();
        pages.dedup();
        pages
    };
    let mut smaller = false;
    for from in pages(trial.best()) {
        for p in 0..from.p {
            let to = At { h: 0, p, ..from };
            smaller |= trial.accept(edited(trial.best(), |program| move_page(program, from, to)));
        }
    }
    smaller
}

fn move_page(program: &mut Program, from: At, to: At) {
    let in_setup = program.setup.iter_mut().filter_map(|item| match item {
        Setup::Do(op) => Some(op),
        _ => None,
    });
    for op in program.cpus.iter_mut().flatten().chain(in_setup) {
        if op.at() == Some(from) {
            *op = with_at(*op, to);
        }
    }
}

fn with_at(mut op: Op, to: At) -> Op {
    let mut done = false;
    op.visit(&mut |slot| {
        if let Slot::At(at) = slot
            && !std::mem::replace(&mut done, true)
        {
            *at = to;
        }
    });
    op
}

/// The same operation with a nearer address, without a length, with the first word of a choice; or a plainer one.
fn simpler_ops(op: Op) -> Vec<Op> {
    let mut simpler = Vec::new();
    if let Some(at) = op.at() {
        let nearer = [
            At::start(at.vma),
            At { h: 0, ..at },
            At { p: at.p.min(1), ..at },
            At { vma: VmaRef(0), ..at },
        ];
        simpler.extend(nearer.into_iter().filter(|&nearer| nearer < at).map(|at| with_at(op, at)));
    }
    simpler.extend((0..SLOTS_MAX).filter_map(|n| plainer(op, n)));
    match op {
        Op::Madvise { at, advice: Advice::PopulateRead, .. } => simpler.push(Op::Read { at }),
        Op::Madvise { at, len, advice: Advice::PopulateWrite } => {
            let read = Op::Madvise { at, len, advice: Advice::PopulateRead };
            simpler.extend([Op::Write { at }, read]);
        }
        Op::Khugepaged { vma } => {
            let (at, len) = (At::start(vma), Size::ZERO);
            simpler.push(Op::Madvise { at, len, advice: Advice::Collapse });
        }
        _ => {}
    }
    simpler
}

/// The most arguments of an operation.
const SLOTS_MAX: usize = 4;

/// The operation with its n-th argument as plain as it can be; `None` if it is.
fn plainer(op: Op, n: usize) -> Option<Op> {
    let (mut plainer, mut at) = (op, 0);
    plainer.visit(&mut |slot| {
        let this = at == n;
        at += 1;
        match slot {
            _ if !this => {}
            Slot::Size(_, size) => *size = Size::ZERO,
            Slot::Nth(nth) => nth.0 = 0,
            Slot::Mapped(what) => *what = shared(*what),
            // Of several words the first alone; of one that must be there, none is plainer than another.
            Slot::Word(word) if !word.is_required() => word.set(0),
            Slot::Word(word) if word.is_set() => {
                word.set(word.index() & word.index().wrapping_neg())
            }
            Slot::Word(_) | Slot::At(_) | Slot::Vma(_) | Slot::Mm(_) | Slot::File(_) => {}
        }
    });
    (plainer != op).then_some(plainer)
}

/// A shared mapping is plainer than a private one.
fn shared(what: Mapped) -> Mapped {
    match what {
        Mapped::Private(file) => Mapped::Shared(file),
        what => what,
    }
}

fn simpler_items(item: Setup) -> Vec<Setup> {
    let mut simpler = match item {
        Setup::Mm { .. } => Vec::new(),
        Setup::Do(op) => simpler_ops(op).into_iter().map(Setup::Do).collect(),
        Setup::File { len, kind, backing } => vec![
            Setup::File { len: Size::huge(1), kind, backing },
            Setup::File { len, kind: FileKind::Shmem, backing },
        ],
        Setup::Mmap { mm, what, at, len, off, prot, flags } => {
            let one = Size::huge(1);
            let mut simpler = vec![
                Setup::Mmap { mm, what, at: one, len: one, off: Size::ZERO, prot, flags },
                Setup::Mmap { mm, what, at, len: one, off, prot, flags },
                Setup::Mmap { mm, what, at: one, len, off, prot, flags },
                Setup::Mmap { mm, what: shared(what), at, len, off, prot, flags },
            ];
            let fewer = (0..u8::BITS).map(|bit| flags.without(MapFlags(1 << bit)));
            simpler.extend(fewer.map(|flags| Setup::Mmap { mm, what, at, len, off, prot, flags }));
            simpler
        }
    };
    simpler.retain(|&simpler| simpler != item);
    simpler
}

#[cfg(test)]
mod tests {
    use super::{SLOTS_MAX, plainer, simpler_items};
    use racewalk::prog::{Access, Switch};
    use racewalk::prog::{
        At, FileRef, GupKind, MapFlags, Mapped, MmRef, MremapFlags, Op, Prot, Setup, Size,
        UffdModes, VmaRef,
    };

    #[track_caller]
    fn check(op: Op, simpler: &[&str]) {
        let found = (0..SLOTS_MAX).filter_map(|n| plainer(op, n)).map(|op| op.to_string());
        assert_eq!(found.collect::<Vec<_>>(), simpler);
    }

    #[test]
    fn each_argument_becomes_plainer_alone() {
        let (at, len, vma) = (At::start(VmaRef(1)), Size::base(2), VmaRef(0));
        check(
            Op::GupFast { at, access: Access::Write, kind: GupKind::Pin },
            &["gup_fast(v1, pin)", "gup_fast(v1, write)"],
        );
        check(
            Op::Mremap { at, to: vma, len, flags: MremapFlags::DONTUNMAP },
            &["mremap(v1, v0, dontunmap)", "mremap(v1, v0, len=2p)"],
        );
        let modes = UffdModes::WP.with(UffdModes::MINOR);
        check(
            Op::UffdRegister { at, len, modes },
            &["uffd_register(v1, wp, minor)", "uffd_register(v1, len=2p, wp)"],
        );
        let what = Mapped::Private(FileRef(0));
        check(
            Op::Map { vma, what, prot: Prot::Ro, off: len },
            &["map(v0, shared f0, ro, off=2p)", "map(v0, private f0, ro)"],
        );
    }

    #[test]
    fn what_is_plain_stays() {
        let (at, len) = (At::start(VmaRef(1)), Size::ZERO);
        check(Op::UffdWp { at, len, wp: Switch::On }, &[]);
        check(Op::UffdRegister { at, len, modes: UffdModes::MINOR }, &[]);
        check(Op::Mprotect { at, len, prot: Prot::None }, &[]);
    }

    #[test]
    fn flags_go_one_by_one() {
        let (mm, what, one) = (MmRef(0), Mapped::Anon, Size::huge(1));
        let map = |flags| {
            let (off, prot) = (Size::ZERO, Prot::Rw);
            Setup::Mmap { mm, what, at: one, len: one, off, prot, flags }
        };
        let (locked, huge) = (MapFlags::LOCKED, MapFlags::HUGEPAGE);
        assert_eq!(simpler_items(map(locked.with(huge))), [map(locked), map(huge)]);
        assert_eq!(simpler_items(map(MapFlags::default())), []);
    }
}
