//! What the grammar can say and the machine cannot do yet. Nothing of it passes for done: text that says it is refused,
//! and a program of a fuzzer that has it runs without.

use super::axes::{AXES, Axes};
use super::op::{Advice, FileKind, MapFlags, Op, Prot};
use super::program::Program;
use super::setup::Setup;

/// Axes that change nothing yet.
const AXES_AHEAD: [usize; 4] =
    [Axes::SHMEM, Axes::MAX_PTES_NONE, Axes::MAX_PTES_SWAP, Axes::MAX_PTES_SHARED];

/// Flags of a mapping that nobody obeys yet.
const FLAGS_AHEAD: [MapFlags; 5] = [
    MapFlags::DONTCOPY,
    MapFlags::WIPEONFORK,
    MapFlags::UFFD_MISSING,
    MapFlags::UFFD_WP,
    MapFlags::UFFD_MINOR,
];

/// The first thing in a program that the machine cannot do yet, in the words of the program's text.
pub fn not_modelled(program: &Program) -> Option<String> {
    let axis = AXES_AHEAD.into_iter().find(|&axis| !program.head.axes.is_default(axis));
    let axis = axis.map(|axis| format!("set {}={}", AXES[axis].name, program.head.axes.word(axis)));
    let setup = || program.setup.iter().find_map(item);
    let ops = || program.cpus.iter().flatten().find_map(operation);
    axis.or_else(setup).or_else(ops)
}

/// Takes everything out of a program that the machine cannot do yet; operations become grace periods.
pub fn keep_modelled(program: &mut Program) {
    AXES_AHEAD.into_iter().for_each(|axis| program.head.axes.set(axis, 0));
    for item in &mut program.setup {
        match item {
            Setup::Mm { unborn } => *unborn = false,
            Setup::File { kind, .. } => *kind = FileKind::Shmem,
            Setup::Mmap { prot, flags, .. } => {
                if matches!(prot, Prot::None | Prot::Rx) {
                    *prot = Prot::Ro;
                }
                FLAGS_AHEAD.into_iter().for_each(|ahead| flags.0 &= !ahead.0);
            }
            Setup::Do(op) => keep_operation(op),
        }
    }
    program.cpus.iter_mut().flatten().for_each(keep_operation);
}

fn keep_operation(op: &mut Op) {
    if is_operation_ahead(op) {
        *op = Op::RcuGp;
    }
}

/// Axes that a random configuration must leave alone.
pub(super) fn is_ahead(axis: usize) -> bool {
    AXES_AHEAD.contains(&axis)
}

fn item(item: &Setup) -> Option<String> {
    match item {
        Setup::Mm { unborn: true } => Some("mm(unborn)".to_owned()),
        Setup::File { kind: FileKind::Regular, .. } => Some("file(regular)".to_owned()),
        Setup::Mmap { prot: Prot::None | Prot::Rx, .. } => {
            Some("mmap(none) or mmap(rx)".to_owned())
        }
        Setup::Mmap { flags, .. } if FLAGS_AHEAD.iter().any(|&ahead| flags.has(ahead)) => {
            Some("mmap() with flags of fork or userfaultfd".to_owned())
        }
        Setup::Do(op) => operation(op),
        _ => None,
    }
}

fn operation(op: &Op) -> Option<String> {
    is_operation_ahead(op).then(|| op.to_string())
}

fn is_operation_ahead(op: &Op) -> bool {
    matches!(
        op,
        Op::Mremap { .. }
            | Op::Mprotect { .. }
            | Op::Fork { .. }
            | Op::Punch { .. }
            | Op::Alloc { .. }
            | Op::FileWrite { .. }
            | Op::OpenWrite { .. }
            | Op::CloseWrite { .. }
            | Op::Numa { .. }
            | Op::UffdRegister { .. }
            | Op::UffdUnregister { .. }
            | Op::UffdCopy { .. }
            | Op::UffdZeropage { .. }
            | Op::UffdContinue { .. }
            | Op::UffdPoison { .. }
            | Op::UffdWp { .. }
            | Op::Madvise { advice: Advice::Remove, .. }
            | Op::Map { prot: Prot::None | Prot::Rx, .. }
    )
}
