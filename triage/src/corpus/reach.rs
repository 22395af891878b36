//! What a run reaches, as a set of numbered features.

use racewalk::{FEEDBACK_SLOTS, Machine, Options, Program, Variant, vocabulary};

/// Places that there may be at most.
const PLACES_MAX: usize = 512;
/// Counts that are told apart, as engines do: from each of these on.
const BUCKETS: [u8; 8] = [1, 2, 3, 4, 8, 16, 32, 128];
/// Features that there may be.
const FEATURES_MAX: usize = PLACES_MAX + BUCKETS.len() * FEEDBACK_SLOTS;

/// A set of features.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reach(Vec<u64>);

impl Default for Reach {
    fn default() -> Reach {
        Reach(vec![0; FEATURES_MAX.div_ceil(64)])
    }
}

impl Reach {
    fn add(&mut self, feature: usize) {
        self.0[feature / 64] |= 1 << (feature % 64);
    }

    /// Adds what another one has.
    pub(crate) fn merge(&mut self, other: &Reach) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, its)| *mine |= its);
    }

    /// How many features another one has that this one has not: places, and interleavings.
    pub(crate) fn missing(&self, other: &Reach) -> (u32, u32) {
        let words = PLACES_MAX / 64;
        let count = |from: &[u64], to: &[u64]| {
            from.iter().zip(to).map(|(mine, its)| (its & !mine).count_ones()).sum()
        };
        (count(&self.0[..words], &other.0[..words]), count(&self.0[words..], &other.0[words..]))
    }

    /// How many features there are: places, and interleavings.
    pub(crate) fn count(&self) -> (u32, u32) {
        Reach::default().missing(self)
    }

    /// The names of the places.
    pub(crate) fn places(&self) -> impl Iterator<Item = &'static str> + '_ {
        let has = |n: usize| self.0[n / 64] >> (n % 64) & 1 == 1;
        vocabulary()
            .places
            .iter()
            .enumerate()
            .filter(move |(n, _)| has(*n))
            .map(|(_, place)| *place)
    }
}

/// Runs programs under one variant and says what they reach.
#[derive(Debug)]
pub(crate) struct Scout {
    machine: Machine,
    options: Options,
}

impl Scout {
    /// A scout for a variant.
    pub(crate) fn new(variant: Variant) -> Scout {
        let options = Options { variant: Some(variant), feedback: true, ..Options::default() };
        Scout { machine: Machine::new(), options }
    }

    /// What a program reaches; `None` if it is not clean.
    pub(crate) fn reach(&mut self, program: &Program) -> Option<Reach> {
        let outcome = self.machine.run(program, &self.options);
        let mut counters = [0; FEEDBACK_SLOTS];
        self.machine.feedback(&mut counters);
        if !outcome.verdict.is_clean() {
            return None;
        }
        let mut reach = Reach::default();
        for (n, word) in outcome.reached.0.iter().enumerate() {
            reach.0[n] |= word;
        }
        for (slot, &count) in counters.iter().enumerate().filter(|&(_, &count)| count > 0) {
            let bucket = BUCKETS.iter().filter(|&&from| count >= from).count() - 1;
            reach.add(PLACES_MAX + BUCKETS.len() * slot + bucket);
        }
        Some(reach)
    }
}

#[cfg(test)]
mod tests {
    use super::{Reach, Scout};
    use racewalk::{Era, Variant};

    #[test]
    fn a_run_reaches_places_and_interleavings() {
        let text = include_str!("../../../corpus/litmus/review/recheck_page.rw");
        let program = racewalk::parse(text).expect("the corpus is text").program;
        let reach = Scout::new(Variant::era(Era::Fixed)).reach(&program).expect("it is clean");
        let (places, interleavings) = reach.count();
        assert!(places > 5 && interleavings > 5, "{places} and {interleavings}");
        assert!(reach.places().any(|place| place == "collapse_pte_mapped_thp"));
        assert_eq!(Reach::default().missing(&reach), reach.count());
        assert_eq!(reach.missing(&reach), (0, 0));
    }
}
