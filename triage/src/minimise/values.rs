//! A simpler value is a smaller number, an earlier address or a plainer machine.

use racewalk::prog::{Advice, At, Axes, Head, Mapped, Op, Program, Setup, Size, Slot, VmaRef};

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

/// The same operation with nearer addresses, no lengths, and the first word of each choice; or a plainer operation.
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
    let mut lengths = op;
    lengths.visit(&mut |slot| {
        if let Slot::Size(_, size) = slot {
            *size = Size::ZERO;
        }
    });
    let mut words = op;
    words.visit(&mut |slot| match slot {
        Slot::Word(word) if !word.is_required() => word.set(0),
        _ => {}
    });
    simpler.extend([lengths, words].into_iter().filter(|&plainer| plainer != op));
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

fn simpler_items(item: Setup) -> Vec<Setup> {
    match item {
        Setup::Mm => Vec::new(),
        Setup::Do(op) => simpler_ops(op).into_iter().map(Setup::Do).collect(),
        Setup::File { len, backing } if len != Size::huge(1) => {
            vec![Setup::File { len: Size::huge(1), backing }]
        }
        Setup::File { .. } => Vec::new(),
        Setup::Mmap { mm, what, at, len, off, prot } => {
            let one = Size::huge(1);
            let mut simpler = vec![
                Setup::Mmap { mm, what, at: one, len: one, off: Size::ZERO, prot },
                Setup::Mmap { mm, what, at, len: one, off, prot },
                Setup::Mmap { mm, what, at: one, len, off, prot },
            ];
            if let Mapped::Private(file) = what {
                simpler.push(Setup::Mmap { mm, what: Mapped::Shared(file), at, len, off, prot });
            }
            simpler.retain(|&simpler| simpler != item);
            simpler
        }
    }
}
