//! A record is eight bytes that hold one item of a program.

use crate::prog::axes::{AXES_MAX, AXIS_VALUES_MAX, Axes};
use crate::prog::limits::{FILES_MAX, MMS_MAX, RECORD_BYTES};
use crate::prog::op::{Backing, FileKind, FileRef, MapFlags, MmRef, Op, Prot};
use crate::prog::setup::{Mapped, Setup};
use crate::prog::size::Size;
use arbitrary::{Arbitrary, Unstructured};

/// One record.
pub(in crate::prog) type Record = [u8; RECORD_BYTES];

/// Kinds of record; below these, the kind is the number of a CPU.
pub(in crate::prog) const DECISION: u8 = 4;
pub(in crate::prog) const FINISHED: u8 = 5;
pub(in crate::prog) const SETUP_OP: u8 = 6;
pub(in crate::prog) const DECLARATION: u8 = 7;
pub(in crate::prog) const KINDS: u8 = 8;

const MMAP: u8 = 0;
const FILE: u8 = 1;
const MM: u8 = 2;
/// Not a declaration, but like one it holds before anybody runs.
const AXES: u8 = 3;
const DECLARATIONS: u8 = 4;

/// The kind of a mapping that only reserves its range: one of eight that a fuzzer invents.
const RESERVED: u8 = 7;
/// All bits that say "the mapping has flags": one of four that a fuzzer invents has.
const FLAGGED: u8 = 0x18;

const _: () = assert!(MMS_MAX <= 4 && FILES_MAX <= 2);

/// Where the variant's number widened to four bytes and the fields meet.
const TAG_BYTES: usize = 4;
const FIELDS: usize = RECORD_BYTES - 2;

/// The record of an operation of CPU 0; for another CPU, put its number into the first byte.
pub fn record_of(op: &Op) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[1] = op.variant() as u8;
    let (mut op, mut at) = (*op, 2);
    op.visit(&mut |slot| {
        let (bytes, len) = slot.bytes();
        record[at..at + len].copy_from_slice(&bytes[..len]);
        at += len;
    });
    record
}

/// The operation in a record, by the derived `Arbitrary`.
pub(in crate::prog) fn op_in(record: &Record) -> Op {
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
        Setup::Mm { unborn } => [DECLARATION, MM, u8::from(unborn), 0, 0, 0, 0, 0],
        Setup::File { len, kind, backing } => {
            [DECLARATION, FILE, len.packed(), backing as u8, kind as u8, 0, 0, 0]
        }
        Setup::Mmap { mm, what, at, len, off, prot, flags } => {
            let whose = mm.0 | what.file().map_or(0, |file| file.0 << 2) | (prot as u8) << 3;
            let kind = match what {
                Mapped::Shared(_) => 0,
                Mapped::Private(_) => 1,
                Mapped::Anon => 2,
                Mapped::Reserved => RESERVED,
            };
            let gate = if flags.0 == 0 { 0 } else { FLAGGED };
            let (at, len, off) = (at.packed(), len.packed(), off.packed());
            [DECLARATION, MMAP, whose, kind | gate, at, len, off, flags.0]
        }
        Setup::Do(op) => {
            let mut record = record_of(&op);
            record[0] = SETUP_OP;
            record
        }
    }
}

/// The record of a configuration: three bits an axis.
pub(in crate::prog) fn record_of_axes(axes: &Axes) -> Record {
    let mut bits = 0;
    for axis in 0..AXES_MAX {
        bits |= (axes.get(axis) as u64) << (AXIS_BITS * axis);
    }
    let [a, b, c, d, e, f, ..] = bits.to_le_bytes();
    [DECLARATION, AXES, a, b, c, d, e, f]
}

/// Bits that an axis has in a configuration.
const AXIS_BITS: usize = 3;
const _: () = assert!(AXIS_BITS * AXES_MAX <= 8 * FIELDS && AXIS_VALUES_MAX <= 1 << AXIS_BITS);

/// Whether the declaration in a record is a configuration.
pub(in crate::prog) fn sets_axes(record: &Record) -> bool {
    record[1] % DECLARATIONS == AXES
}

/// The configuration in a record. A number beyond an axis' last value means its default, so that an invented
/// configuration differs from the default one in a few axes only.
pub(in crate::prog) fn axes_in(record: &Record) -> Axes {
    let [_, _, a, b, c, d, e, f] = *record;
    let bits = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    let mut axes = Axes::default();
    for axis in 0..AXES_MAX {
        axes.set(axis, (bits >> (AXIS_BITS * axis)) as usize % (1 << AXIS_BITS));
    }
    axes
}

/// The declaration in a record; its references and sizes are for fix-up to bend.
pub(super) fn declaration_in(record: &Record) -> Setup {
    let [_, kind, rest @ ..] = *record;
    match kind % DECLARATIONS {
        FILE => {
            let backing = Backing::ALL[usize::from(rest[1]) % Backing::ALL.len()];
            // Most files that a fuzzer invents are of shared memory.
            let kind = if rest[2] % 4 == 1 { FileKind::Regular } else { FileKind::Shmem };
            Setup::File { len: Size::unpacked(rest[0]), kind, backing }
        }
        // Most mms exist.
        MM => Setup::Mm { unborn: rest[0] % 4 == 1 },
        _ => {
            let file = FileRef(rest[0] >> 2 & 1);
            let what = match rest[1] % 8 {
                0 | 4 => Mapped::Shared(file),
                2 => Mapped::Anon,
                RESERVED => Mapped::Reserved,
                _ => Mapped::Private(file),
            };
            let flags = if rest[1] & FLAGGED == FLAGGED { rest[5] } else { 0 };
            Setup::Mmap {
                mm: MmRef(rest[0] & 3),
                what,
                at: Size::unpacked(rest[2]),
                len: Size::unpacked(rest[3]),
                off: Size::unpacked(rest[4]),
                // Most mappings that a fuzzer invents can be written.
                prot: Prot::ALL.get(usize::from(rest[0] >> 3 & 7)).copied().unwrap_or_default(),
                flags: MapFlags(flags),
            }
        }
    }
}
