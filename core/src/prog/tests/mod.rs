//! Tests of the byte form, the text form and the generator.

mod canonical;
mod errors;
mod mutate;
mod random;
mod text;
mod theme;
mod wire;

use super::*;

/// A vocabulary that is not the project's, so that nothing here depends on real names.
const WORDS: Vocabulary<'static> = Vocabulary {
    kernels: &["old", "seed-v3", "v6.6", "fixed"],
    steps: &["recheck_page", "flush_before_free"],
    zoo: &["retract-wrong-locks", "dirty-cow"],
    oracles: &["page_table_check", "use_after_free"],
    places: &["", "cp6", "zap_pte_range", "retract_page_tables"],
};

/// xorshift64: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.next() >> 32) as u8).collect()
    }

    /// Up to some forty records with plausible kinds, and sometimes a few bytes more.
    fn input(&mut self) -> Vec<u8> {
        let len = 8 * self.below(40) + if self.below(4) == 0 { self.below(8) } else { 0 };
        self.bytes(len)
    }
}

/// A well-formed program with everything that text can say but bytes cannot.
fn dressed(random: &mut Random) -> Program {
    let input = random.input();
    let mut program = decode(&input);
    let head = &mut program.head;
    let titles = [None, Some("a title"), Some("fixes #3, \"maybe\""), Some("# täglich")];
    head.title = titles[random.below(4)].map(str::to_owned);
    head.kernel = [None, Some(KernelName(2))][random.below(2)];
    head.without =
        [vec![], vec![StepName(1)], vec![StepName(1), StepName(0)]][random.below(3)].clone();
    head.zoo = [vec![], vec![ExhibitName(1)], vec![ExhibitName(1), ExhibitName(0)]]
        [random.below(3)]
    .clone();
    for _ in 0..random.below(3) {
        let kernel = [None, Some(KernelName(1))][random.below(2)];
        let verdict = [None, Some(OracleName(1))][random.below(2)];
        head.expect.push(Expect { kernel, verdict });
    }
    if random.below(2) == 0 {
        let turns = (0..random.below(6)).map(|_| {
            let place = PlaceName(1 + random.below(3) as u16);
            let nth = 1 + random.below(3) as u16;
            let untils = [Until::Place { place, nth }, Until::Steps(nth.into()), Until::Exit];
            Turn { cpu: random.below(4) as u8, until: untils[random.below(3)] }
        });
        program.schedule = Schedule::Turns(turns.collect());
    }
    fixup(&mut program);
    program
}
