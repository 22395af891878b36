//! The themes there are.

use super::{Motif, Theme};
use crate::prog::op::{
    Access, Advice, At, FileRef, GupFlags, GupKind, MmRef, MremapFlags, Op, Prot, Switch,
    UffdModes, VmaRef,
};
use crate::prog::size::Size;

const AT: At = At::start(VmaRef(0));
const V0: VmaRef = VmaRef(0);
const F0: FileRef = FileRef(0);
const LEN: Size = Size::ZERO;

/// An operation as it is, with the record's own arguments.
const fn any(weight: u32, op: Op) -> Motif {
    Motif { weight, op, fixed: &[] }
}

/// A piece of advice about a range that the record says. The address takes two bytes, the length one.
const fn advise(weight: u32, advice: Advice) -> Motif {
    Motif { weight, op: Op::Madvise { at: AT, len: LEN, advice }, fixed: &[3] }
}

/// A collapse of all of a mapping: of the first one, or of one that the record says.
const fn collapse(weight: u32, fixed: &'static [usize]) -> Motif {
    Motif { weight, op: Op::Madvise { at: AT, len: LEN, advice: Advice::Collapse }, fixed }
}

/// The scenes with a file's huge page behind small entries.
const PTE_MAPPED: &[u8] = &[0, 1, 2, 3, 4, 5, 6, 7, 10, 14, 17, 22, 25];
/// Those of them with a private mapping, where a copy makes a collapse give up.
const PRIVATE: &[u8] = &[1, 2, 3, 4, 5, 6, 10, 14];

/// The collapse of huge pages that small entries map, and what takes them away or walks them meanwhile.
pub const COLLAPSE: Theme = Theme {
    motifs: &[
        any(1, Op::RcuGp),
        collapse(12, &[0, 2, 3]),
        collapse(6, &[2, 3]),
        any(5, Op::Khugepaged { vma: V0 }),
        any(3, Op::Uprobe { at: AT }),
        any(10, Op::Write { at: AT }),
        any(6, Op::Read { at: AT }),
        advise(6, Advice::Dontneed),
        advise(2, Advice::PopulateRead),
        any(2, Op::PteAlloc { at: AT }),
        any(3, Op::Truncate { file: F0, len: LEN }),
        any(2, Op::Punch { file: F0, off: LEN, len: LEN }),
        any(2, Op::Munmap { at: AT, len: LEN }),
        any(4, Op::KvmFault { at: AT, access: Access::Read }),
        any(3, Op::GupFast { at: AT, access: Access::Read, kind: GupKind::Get }),
        any(3, Op::TlbFill { at: AT, access: Access::Read }),
        any(2, Op::Migrate { at: AT }),
        any(2, Op::Swapout { at: AT }),
        any(2, Op::Mremap { at: AT, to: V0, len: LEN, flags: MremapFlags(0) }),
        any(1, Op::Fork { parent: MmRef(0), child: MmRef(1) }),
        any(1, Op::Exit { mm: MmRef(0) }),
    ],
    scenes: PTE_MAPPED,
    window: 12..76,
};

/// The way out of a collapse that has begun to clear entries, and the counters that it must set right.
pub const ABORT: Theme = Theme {
    motifs: &[
        any(1, Op::RcuGp),
        collapse(16, &[0, 2, 3]),
        any(3, Op::Khugepaged { vma: V0 }),
        any(20, Op::Write { at: AT }),
        any(2, Op::Read { at: AT }),
        advise(2, Advice::Dontneed),
        advise(1, Advice::PopulateWrite),
        any(1, Op::Swapout { at: AT }),
        any(1, Op::Migrate { at: AT }),
        any(1, Op::KvmFault { at: AT, access: Access::Write }),
        any(1, Op::GupFast { at: AT, access: Access::Write, kind: GupKind::Pin }),
        any(1, Op::Truncate { file: F0, len: LEN }),
    ],
    scenes: PRIVATE,
    window: 17..34,
};

/// Faults that meet: on one page, in one table, and with what takes the page or the table away.
pub const FAULT: Theme = Theme {
    motifs: &[
        any(1, Op::RcuGp),
        any(12, Op::Write { at: AT }),
        any(10, Op::Read { at: AT }),
        advise(5, Advice::Dontneed),
        advise(3, Advice::PopulateRead),
        advise(3, Advice::PopulateWrite),
        advise(1, Advice::Collapse),
        any(4, Op::KvmFault { at: AT, access: Access::Write }),
        any(2, Op::HmmFault { at: AT, access: Access::Write }),
        any(
            4,
            Op::GupSlow { at: AT, access: Access::Write, kind: GupKind::Get, flags: GupFlags(0) },
        ),
        any(3, Op::GupFast { at: AT, access: Access::Write, kind: GupKind::Pin }),
        any(1, Op::Put),
        any(3, Op::Swapout { at: AT }),
        any(2, Op::Migrate { at: AT }),
        any(2, Op::Numa { at: AT, len: LEN }),
        any(2, Op::Mprotect { at: AT, len: LEN, prot: Prot::Ro }),
        any(2, Op::PteAlloc { at: AT }),
        any(3, Op::Fork { parent: MmRef(0), child: MmRef(1) }),
        any(2, Op::Truncate { file: F0, len: LEN }),
        any(1, Op::UffdRegister { at: AT, len: LEN, modes: UffdModes::MISSING }),
        any(2, Op::UffdCopy { at: AT }),
        any(1, Op::UffdWp { at: AT, len: LEN, wp: Switch::On }),
        any(1, Op::FailAlloc { nth: crate::prog::op::Nth(0) }),
    ],
    scenes: &[0, 1, 2, 4, 5, 6, 8, 9, 12, 13, 15, 18, 19, 20, 21, 25, 26, 27, 28],
    window: 0..0,
};
