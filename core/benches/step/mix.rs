//! The mix: random programs as a campaign draws them today, over the sizes of the world and the numbers of CPUs.

use racewalk::prog::{self, Shape};
use racewalk::{Era, Options, Program, Variant};

use super::programs::Programs;

/// Programs of a row.
const PROGRAMS: u64 = 2_000;
/// At least this many operations on three CPUs.
const OPS: u8 = 10;

/// A row for each number of CPUs at HPN 4, and for each HPN with three CPUs.
pub(crate) fn contenders() -> Vec<Programs> {
    [(2, 4), (3, 4), (4, 4), (3, 8), (3, 512)]
        .map(|(cpus, hpn)| {
            let options = Options {
                feedback: true,
                variant: Some(Variant::era(Era::Fixed)),
                ..Options::default()
            };
            let name = format!("{cpus} CPUs, HPN {hpn}");
            Programs::new(&name, (0..PROGRAMS).map(|seed| draw(seed, cpus, hpn)).collect(), options)
        })
        .into()
}

fn draw(seed: u64, cpus: u8, hpn: u16) -> Program {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u32
    };
    let ops = OPS.div_ceil(cpus);
    let shape = Shape {
        hpn: Some(hpn),
        cpus: Some(cpus),
        ops_min: ops,
        ops_max: ops + 1,
        ..Shape::default()
    };
    prog::generate(&mut next, &shape)
}
