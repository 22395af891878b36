//! An exhibit is a bug by name: what it was, when it lived, which oracle sees it, and the patch that brings it back.

use crate::mm::steps::{Era, Protection, Steps};

/// Where an exhibit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A bug of a released or posted kernel.
    Historical,
    /// The seed patch without one of its protections.
    Seed,
    /// What a fuzzer that works finds at once.
    Canary,
}

impl Family {
    /// Its name in an answer.
    pub const fn name(self) -> &'static str {
        match self {
            Family::Historical => "historical",
            Family::Seed => "seed",
            Family::Canary => "canary",
        }
    }
}

/// What is known of a bug's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The commit that mended it, abbreviated; empty if there is none.
    pub commit: &'static str,
    /// The CVE; empty if there is none.
    pub cve: &'static str,
    /// The versions that had it.
    pub versions: &'static str,
}

/// A bug: a patch of the table of steps.
#[derive(Clone, Copy, Debug)]
pub struct Exhibit {
    /// Its name: the catalogue's slug, on the command line and in a program's header.
    pub name: &'static str,
    /// What is wrong, in a line.
    pub about: &'static str,
    /// Where it comes from.
    pub family: Family,
    /// What is known of its life.
    pub origin: Origin,
    /// The era that is patched.
    pub era: Era,
    /// The configuration without which it cannot happen, as pairs of axis and value.
    pub set: &'static [(&'static str, &'static str)],
    /// The oracle that reports it.
    pub oracle: &'static str,
    /// The fewest preemptions known to suffice.
    pub preemptions: u8,
    /// Whether v6.6 as shipped still has it: then the patch takes a fix away from `fixed`.
    pub live: bool,
    /// What else the kernel of its day did in another way, and rightly: with this alone the program is clean.
    pub of_its_day: Option<fn(&mut Steps)>,
    /// The protections that it lacks, by name.
    pub without: &'static [&'static str],
    /// What else is wrong.
    pub patch: fn(&mut Steps),
}

impl Exhibit {
    /// What most exhibits have in common: a patch of `fixed`, in any configuration, that one preemption shows.
    pub(super) const PLAIN: Exhibit = Exhibit {
        name: "",
        about: "",
        family: Family::Historical,
        origin: Origin { commit: "", cve: "", versions: "" },
        era: Era::Fixed,
        set: &[],
        oracle: "",
        preemptions: 1,
        live: false,
        of_its_day: None,
        without: &[],
        patch: |_| {},
    };

    /// Brings the bug back.
    pub fn apply(&self, steps: &mut Steps) {
        if let Some(of_its_day) = self.of_its_day {
            of_its_day(steps);
        }
        for protection in self.without.iter().filter_map(|name| Protection::from_name(name)) {
            (protection.leave_out)(steps);
        }
        (self.patch)(steps);
    }

    /// The exhibit of that name.
    pub fn from_name(name: &str) -> Option<&'static Exhibit> {
        super::EXHIBITS.iter().find(|exhibit| exhibit.name == name)
    }
}
