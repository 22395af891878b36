//! A record is eight bytes that hold one item of a program.

use crate::prog::axes::{AXES_MAX, Axes};
use crate::prog::limits::{LEN_UNITS_MAX, PAGES_MAX, RECORD_BYTES, UNITS_MAX};
use crate::prog::op::{FileRef, MmRef, Op, Slot};
use crate::prog::setup::{Backing, Mapped, Prot, Setup};
use crate::prog::size::Size;
use arbitrary::{Arbitrary, Unstructured};

/// One record.
pub(super) type Record = [u8; RECORD_BYTES];

/// Kinds of record; below these, the kind is the number of a CPU.
pub(super) const DECISION: u8 = 4;
pub(super) const FINISHED: u8 = 5;
pub(super) const SETUP_OP: u8 = 6;
pub(super) const DECLARATION: u8 = 7;
pub(super) const KINDS: u8 = 8;

const MMAP: u8 = 0;
const FILE: u8 = 1;
const MM: u8 = 2;
/// Not a declaration, but like one it holds before anybody runs.
const AXES: u8 = 3;
const DECLARATIONS: u8 = 4;

/// Where the variant's number widened to four bytes and the fields meet.
const TAG_BYTES: usize = 4;
const FIELDS: usize = RECORD_BYTES - 2;

/// The record of an operation of CPU 0; for another CPU, put its number into the first byte.
pub fn record_of(op: &Op) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[1] = op.variant() as u8;
    let (mut op, mut at) = (*op, 2);
    op.visit(&mut |slot| {
        let bytes = match &slot {
            Slot::At(address) => [address.vma.0, address.h, address.p],
            Slot::Vma(vma) => [vma.0, 0, 0],
            Slot::Mm(mm) => [mm.0, 0, 0],
            Slot::File(file) => [file.0, 0, 0],
            Slot::Size(_, size) => [size.h, size.p, 0],
            Slot::Word(word) => [word.index() as u8, 0, 0],
        };
        let end = at + slot.bytes();
        record[at..end].copy_from_slice(&bytes[..slot.bytes()]);
        at = end;
    });
    record
}

/// The operation in a record, by the derived `Arbitrary`.
pub(super) fn op_in(record: &Record) -> Op {
    let mut input = [0; TAG_BYTES + FIELDS];
    input[..TAG_BYTES].copy_from_slice(&widened(record[1]).to_le_bytes());
    input[TAG_BYTES..].copy_from_slice(&record[2..]);
    // Integers never fail: where bytes are missing they read zeros.
    Op::arbitrary(&mut Unstructured::new(&input)).unwrap_or(Op::RcuGp)
}

/// The number from which the derived `Arbitrary` picks exactly the variant that a tag means.
///
/// It multiplies by the number of variants and keeps the upper half, so the least such number is the quotient rounded
/// up; rounded down, it would pick the variant before.
pub(super) fn widened(tag: u8) -> u32 {
    const WIDE: [u32; Op::VARIANTS] = {
        let mut wide = [0; Op::VARIANTS];
        let mut variant = 0;
        while variant < Op::VARIANTS {
            wide[variant] = ((variant as u64) << 32).div_ceil(Op::VARIANTS as u64) as u32;
            variant += 1;
        }
        wide
    };
    WIDE[usize::from(tag) % Op::VARIANTS]
}

/// The record of a set-up item.
pub(super) fn record_of_setup(item: &Setup) -> Record {
    match *item {
        Setup::Mm => [DECLARATION, MM, 0, 0, 0, 0, 0, 0],
        Setup::File { len, backing } => [DECLARATION, FILE, packed(len), backing as u8, 0, 0, 0, 0],
        Setup::Mmap { mm, what, at, len, off, prot } => {
            let (what, file) = match what {
                Mapped::Shared(file) => (0, file.0),
                Mapped::Private(file) => (1, file.0),
                Mapped::Anon => (2, 0),
            };
            let prot = u8::from(prot == Prot::Ro);
            [DECLARATION, MMAP, mm.0 | file << 1, what, packed(at), packed(len), packed(off), prot]
        }
        Setup::Do(op) => {
            let mut record = record_of(&op);
            record[0] = SETUP_OP;
            record
        }
    }
}

/// The record of a configuration: four bits an axis.
pub(super) fn record_of_axes(axes: &Axes) -> Record {
    let mut record = [DECLARATION, AXES, 0, 0, 0, 0, 0, 0];
    for axis in 0..AXES_MAX {
        record[2 + axis / 2] |= (axes.get(axis) as u8) << (4 * (axis % 2));
    }
    record
}

/// Whether the declaration in a record is a configuration.
pub(super) fn sets_axes(record: &Record) -> bool {
    record[1] % DECLARATIONS == AXES
}

/// The configuration in a record. A number beyond an axis' last value means its default, so that an invented
/// configuration differs from the default one in a few axes only.
pub(super) fn axes_in(record: &Record) -> Axes {
    let mut axes = Axes::default();
    for axis in 0..AXES_MAX {
        axes.set(axis, usize::from(record[2 + axis / 2] >> (4 * (axis % 2)) & 15));
    }
    axes
}

/// The declaration in a record; its references and sizes are for fix-up to bend.
pub(super) fn declaration_in(record: &Record) -> Setup {
    let [_, kind, rest @ ..] = *record;
    match kind % DECLARATIONS {
        FILE => {
            let (backing, _) = Backing::ALL[usize::from(rest[1]) % Backing::ALL.len()];
            Setup::File { len: unpacked(rest[0]), backing }
        }
        MM => Setup::Mm,
        _ => {
            let file = FileRef(rest[0] >> 1 & 1);
            let what = match rest[1] % 4 {
                0 => Mapped::Shared(file),
                2 => Mapped::Anon,
                _ => Mapped::Private(file),
            };
            Setup::Mmap {
                mm: MmRef(rest[0] & 1),
                what,
                at: unpacked(rest[2]),
                len: unpacked(rest[3]),
                off: unpacked(rest[4]),
                prot: if rest[5] & 1 == 0 { Prot::Rw } else { Prot::Ro },
            }
        }
    }
}

const _: () = assert!(PAGES_MAX == 7 && UNITS_MAX < 1 << 5 && LEN_UNITS_MAX < 1 << 5);

/// A size in one byte: base pages in the lower three bits.
fn packed(size: Size) -> u8 {
    size.h << 3 | size.p
}

fn unpacked(byte: u8) -> Size {
    Size { h: byte >> 3, p: byte & PAGES_MAX }
}
