//! A vocabulary lists the names that program text may use but that other layers define.

/// A kernel: an index into [`Vocabulary::kernels`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct KernelName(pub u8);

/// A replaceable step: an index into [`Vocabulary::steps`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct StepName(pub u16);

/// An exhibit of the zoo: an index into [`Vocabulary::zoo`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct ExhibitName(pub u16);

/// An oracle: an index into [`Vocabulary::oracles`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct OracleName(pub u8);

/// A place in the machine's code: an index into [`Vocabulary::places`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct PlaceName(pub u16);

/// The names that program text may use, in the order of their numbers.
///
/// Nothing here knows what they mean. A name is made of letters, digits, `_`, `-` and `.`, and begins with a letter
/// or `_`; text cannot write any other, so an entry that is not one (an empty string, say) keeps its number unused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vocabulary<'a> {
    /// Whole protocol sets.
    pub kernels: &'a [&'a str],
    /// Replaceable steps.
    pub steps: &'a [&'a str],
    /// Historical and other wrong variants.
    pub zoo: &'a [&'a str],
    /// Oracles, which name the verdicts.
    pub oracles: &'a [&'a str],
    /// Functions and labels at which a turn may end.
    pub places: &'a [&'a str],
}

/// What is printed for a number that the vocabulary does not know; no parser takes it for a name.
const UNKNOWN: &str = "?";

impl<'a> Vocabulary<'a> {
    /// The text of a kernel's name.
    pub fn kernel(&self, name: KernelName) -> &'a str {
        self.kernels.get(usize::from(name.0)).copied().unwrap_or(UNKNOWN)
    }

    /// The text of a step's name.
    pub fn step(&self, name: StepName) -> &'a str {
        self.steps.get(usize::from(name.0)).copied().unwrap_or(UNKNOWN)
    }

    /// The text of an exhibit's name.
    pub fn exhibit(&self, name: ExhibitName) -> &'a str {
        self.zoo.get(usize::from(name.0)).copied().unwrap_or(UNKNOWN)
    }

    /// The text of an oracle's name.
    pub fn oracle(&self, name: OracleName) -> &'a str {
        self.oracles.get(usize::from(name.0)).copied().unwrap_or(UNKNOWN)
    }

    /// The text of a place's name.
    pub fn place(&self, name: PlaceName) -> &'a str {
        self.places.get(usize::from(name.0)).copied().unwrap_or(UNKNOWN)
    }
}
