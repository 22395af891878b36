//! A cut takes a whole CPU, operation or item of the set-up out of a program, and its decisions with it.

use racewalk::prog::{Decision, FileRef, Mapped, MmRef, Op, Program, Schedule, Setup, Slot};

use super::trial::Trial;

/// Leaves out whole CPUs.
pub(super) fn cpus(trial: &mut Trial<'_>) -> bool {
    let mut smaller = false;
    for cpu in (0..trial.best().cpus.len()).rev() {
        smaller |=
            trial.best().cpus.len() > 1 && trial.accept(without_cpu(trial.best(), cpu as u8));
    }
    smaller
}

/// Leaves out operations: all of a CPU's, then halves, down to one.
pub(super) fn ops(trial: &mut Trial<'_>) -> bool {
    let mut smaller = false;
    for cpu in 0..trial.best().cpus.len() {
        let mut size = trial.best().cpus[cpu].len();
        while size > 0 {
            let mut end = trial.best().cpus[cpu].len();
            while end > 0 {
                let start = end.saturating_sub(size);
                smaller |= trial.accept(without_ops(trial.best(), cpu as u8, start, end));
                end = start;
            }
            size /= 2;
        }
    }
    smaller
}

/// Leaves out items of the set-up: an operation alone, a declaration with all that refers to it.
pub(super) fn setup(trial: &mut Trial<'_>) -> bool {
    let mut smaller = false;
    for item in (0..trial.best().setup.len()).rev() {
        if item < trial.best().setup.len() {
            smaller |= trial.accept(without_item(trial.best(), item));
        }
    }
    smaller
}

fn edit_decisions(program: &mut Program, edit: impl FnMut(Decision) -> Option<Decision>) {
    if let Schedule::Decisions(decisions) = &mut program.schedule {
        *decisions = decisions.drain(..).filter_map(edit).collect();
    }
}

pub(super) fn without_cpu(program: &Program, gone: u8) -> Program {
    let mut program = program.clone();
    program.cpus.remove(usize::from(gone));
    let renumber = |cpu: u8| if cpu > gone { cpu - 1 } else { cpu };
    edit_decisions(&mut program, |decision| {
        let stays = decision.cpu != gone && decision.next != gone;
        stays.then(|| Decision {
            cpu: renumber(decision.cpu),
            next: renumber(decision.next),
            ..decision
        })
    });
    program
}

pub(super) fn without_ops(program: &Program, cpu: u8, start: usize, end: usize) -> Program {
    let mut program = program.clone();
    program.cpus[usize::from(cpu)].drain(start..end);
    let gone = start..end;
    edit_decisions(&mut program, |decision| {
        let op = usize::from(decision.op);
        if decision.cpu != cpu || op < start {
            return Some(decision);
        }
        (!gone.contains(&op)).then(|| Decision { op: (op - gone.len()) as u8, ..decision })
    });
    program
}

/// References after a declaration has gone: those to it are `None`, the later ones move up.
#[derive(Clone, Copy, Default)]
struct Gone {
    mm: Option<u8>,
    file: Option<u8>,
    vma: Option<u8>,
}

impl Gone {
    fn shift(gone: Option<u8>, n: u8) -> Option<u8> {
        match gone {
            Some(gone) if n == gone => None,
            Some(gone) if n > gone => Some(n - 1),
            _ => Some(n),
        }
    }

    fn op(self, mut op: Op) -> Option<Op> {
        let mut lost = false;
        op.visit(&mut |slot| {
            let (gone, n) = match slot {
                Slot::At(at) => (self.vma, &mut at.vma.0),
                Slot::Vma(vma) => (self.vma, &mut vma.0),
                Slot::Mm(mm) => (self.mm, &mut mm.0),
                Slot::File(file) => (self.file, &mut file.0),
                Slot::Mapped(Mapped::Shared(file) | Mapped::Private(file)) => {
                    (self.file, &mut file.0)
                }
                Slot::Mapped(_) | Slot::Nth(_) | Slot::Size(..) | Slot::Word(_) => return,
            };
            match Gone::shift(gone, *n) {
                Some(shifted) => *n = shifted,
                None => lost = true,
            }
        });
        (!lost).then_some(op)
    }

    fn item(self, mut item: Setup) -> Option<Setup> {
        match &mut item {
            Setup::Mm { .. } | Setup::File { .. } => {}
            Setup::Mmap { mm, what, .. } => {
                *mm = MmRef(Gone::shift(self.mm, mm.0)?);
                if let Mapped::Shared(file) | Mapped::Private(file) = what {
                    *file = FileRef(Gone::shift(self.file, file.0)?);
                }
            }
            Setup::Do(op) => *op = self.op(*op)?,
        }
        Some(item)
    }
}

pub(super) fn without_item(program: &Program, item: usize) -> Program {
    let earlier = |same: fn(&Setup) -> bool| {
        program.setup[..item].iter().filter(|item| same(item)).count() as u8
    };
    let mut gone = Gone::default();
    match program.setup[item] {
        Setup::Mm { .. } => gone.mm = Some(earlier(|item| matches!(item, Setup::Mm { .. }))),
        Setup::File { .. } => gone.file = Some(earlier(|item| matches!(item, Setup::File { .. }))),
        Setup::Mmap { .. } => gone.vma = Some(earlier(|item| matches!(item, Setup::Mmap { .. }))),
        Setup::Do(_) => {}
    }
    let mut program = program.clone();
    program.setup.remove(item);
    // A file or mm that goes takes only mappings along whose removal the set-up can bear: one by one, then.
    let items = program.setup.iter().map(|&item| gone.item(item)).collect::<Option<Vec<_>>>();
    let Some(items) = items.or_else(|| drop_references(&program.setup, gone)) else {
        return program;
    };
    program.setup = items;
    for cpu in 0..program.cpus.len() {
        for op in (0..program.cpus[cpu].len()).rev() {
            match gone.op(program.cpus[cpu][op]) {
                Some(renumbered) => program.cpus[cpu][op] = renumbered,
                None => program = without_ops(&program, cpu as u8, op, op + 1),
            }
        }
    }
    program
}

/// The set-up without the operations that refer to what has gone; `None` if a mapping does.
fn drop_references(setup: &[Setup], gone: Gone) -> Option<Vec<Setup>> {
    let kept = setup.iter().filter_map(|&item| match (gone.item(item), item) {
        (Some(item), _) => Some(Some(item)),
        (None, Setup::Do(_)) => None,
        (None, _) => Some(None),
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::{Gone, without_cpu, without_ops};
    use racewalk::prog::{
        Decision, FileRef, Mapped, MmRef, Op, Program, Prot, Schedule, Size, VmaRef,
    };

    fn program(decisions: &[(u8, u8, u16, u8)]) -> Program {
        let decisions =
            decisions.iter().map(|&(cpu, op, k, next)| Decision { cpu, op, k, next }).collect();
        let cpus = vec![vec![Op::RcuGp; 3]; 3];
        Program { cpus, schedule: Schedule::Decisions(decisions), ..Program::default() }
    }

    #[track_caller]
    fn check(left: Program, decisions: &[(u8, u8, u16, u8)]) {
        assert_eq!(left.schedule, program(decisions).schedule);
    }

    #[test]
    fn decisions_go_with_their_op() {
        let all = program(&[(0, 0, 5, 1), (0, 1, 6, 2), (0, 2, 7, 1), (0, 3, 0, 1), (1, 1, 1, 0)]);
        check(
            without_ops(&all, 0, 1, 2),
            &[(0, 0, 5, 1), (0, 1, 7, 1), (0, 2, 0, 1), (1, 1, 1, 0)],
        );
        check(without_ops(&all, 0, 0, 3), &[(0, 0, 0, 1), (1, 1, 1, 0)]);
    }

    #[test]
    fn operations_go_with_what_they_are_about() {
        let gone = Gone { mm: Some(1), file: Some(0), vma: Some(0) };
        let fork = |parent, child| Op::Fork { parent: MmRef(parent), child: MmRef(child) };
        assert_eq!(gone.op(fork(0, 2)), Some(fork(0, 1)));
        assert_eq!(gone.op(fork(0, 1)), None);
        let map = |vma, file| {
            let (what, prot, off) = (Mapped::Shared(FileRef(file)), Prot::Rw, Size::ZERO);
            Op::Map { vma: VmaRef(vma), what, prot, off }
        };
        assert_eq!(gone.op(map(2, 1)), Some(map(1, 0)));
        assert_eq!((gone.op(map(0, 1)), gone.op(map(1, 0))), (None, None));
    }

    #[test]
    fn decisions_go_with_their_cpu() {
        let all = program(&[(0, 0, 5, 1), (0, 1, 6, 2), (1, 1, 1, 0), (2, 0, 3, 0)]);
        check(without_cpu(&all, 1), &[(0, 1, 6, 1), (1, 0, 3, 0)]);
    }
}
