//! The names of the targets, and how each takes its bytes.

use super::schedule;
use crate::prog::Theme;
use crate::prog::theme;

macro_rules! targets {
    ($($(#[$doc:meta])* $target:ident = $name:literal, $about:literal;)*) => {
        /// What can be fuzzed.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
        pub enum Target {
            $($(#[$doc])* $target,)*
        }

        impl Target {
            /// All of them.
            pub const ALL: &'static [Target] = &[$(Target::$target,)*];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Target::$target => $name,)* }
            }

            /// What it fuzzes, in a few words.
            pub const fn about(self) -> &'static str {
                match self { $(Target::$target => $about,)* }
            }
        }
    };
}

targets! {
    /// Whole programs.
    #[default]
    Race = "race", "whole programs with their schedules";
    /// Schedules of given programs.
    Schedule = "schedule", "schedules of the litmus programs: the first byte chooses one, the rest is decisions";
    /// Programs about a collapse.
    Collapse = "collapse", "programs about collapses of huge pages that small entries map";
    /// Programs about its way out.
    Abort = "abort", "programs about the abort of a collapse and the counters that it corrects";
    /// Programs about faults.
    Fault = "fault", "programs about faults that meet each other";
    /// The same history under two kernels.
    Protocols = "protocols", "one history on pre-seed and v6.6 must end in one state; and whole programs, as in race";
    /// A historical bug.
    Zoo = "zoo", "programs under the wrong variant that RACEWALK_ZOO names";
    /// The forms of a program.
    Codec = "codec", "bytes, text and records must be the same program";
}

impl Target {
    /// The target of a name.
    pub fn from_name(name: &str) -> Option<Target> {
        Target::ALL.iter().copied().find(|target| target.name() == name)
    }

    /// What bends its bytes, if something does.
    pub(super) const fn theme(self) -> Option<&'static Theme> {
        match self {
            Target::Collapse => Some(&theme::COLLAPSE),
            Target::Abort => Some(&theme::ABORT),
            Target::Fault => Some(&theme::FAULT),
            _ => None,
        }
    }

    /// Whether its bytes are records, which a mutator of records can change.
    pub const fn has_records(self) -> bool {
        !matches!(self, Target::Schedule)
    }

    /// The target whose committed seeds (`fuzz/seeds`) are this one's too: those of whole programs are for all that take
    /// any.
    pub const fn seeds(self) -> Target {
        match self {
            Target::Protocols | Target::Zoo | Target::Codec => Target::Race,
            own => own,
        }
    }

    /// The longest input that says anything to it.
    pub const fn input_bytes_max(self) -> usize {
        match self {
            Target::Schedule => schedule::INPUT_BYTES_MAX,
            _ => crate::prog::limits::INPUT_BYTES_MAX,
        }
    }
}
