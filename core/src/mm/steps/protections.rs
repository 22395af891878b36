//! What can be left out: every protection by name (`--without NAME`), a room for each mechanism.
//!
//! A protection is a line of the kernel without which something breaks that an oracle sees, or a line that something
//! else backs up: `corpus/litmus/without/` has a program for each of the former, its `README.md` the reason for each of
//! the latter. The order of the list is that of the rooms, and within one that of the code.

use super::group::flat;
use super::table::{Era, Steps};

macro_rules! protections {
    ($($name:ident $eras:ident $about:literal $leave_out:expr;)*) => {
        /// The protections of this room.
        pub(super) const ROOM: &[Protection] = &[
            $(Protection { name: stringify!($name), about: $about, eras: $eras, leave_out: $leave_out },)*
        ];
    };
}

mod collapse_anon;
mod collapse_file;
mod collapse_pte_mapped;
mod fork;
mod fs;
mod gup;
mod huge;
mod memory;
mod moves;
mod notifier;
mod pae;
mod pre_seed;
mod reclaim;
mod retract;
mod rmap;
mod tlb;
mod uffd;
mod vma;
mod zap;

/// A protection: a step, or a few, that can be left out.
#[derive(Clone, Copy, Debug)]
pub struct Protection {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// The eras that have it.
    pub eras: &'static [Era],
    /// Leaves it out.
    pub leave_out: fn(&mut Steps),
}

impl Protection {
    /// The protection of that name.
    pub fn from_name(name: &str) -> Option<&'static Protection> {
        PROTECTIONS.iter().find(|protection| protection.name == name)
    }
}

const ALL: &[Era] = &[Era::PreSeed, Era::SeedV3, Era::V66, Era::Fixed];
const READ_LOCKED: &[Era] = &[Era::SeedV3, Era::V66, Era::Fixed];
const V66: &[Era] = &[Era::V66, Era::Fixed];
const FIXED: &[Era] = &[Era::Fixed];
const PRE_SEED: &[Era] = &[Era::PreSeed];

const ROOMS: &[&[Protection]] = &[
    collapse_pte_mapped::ROOM,
    pre_seed::ROOM,
    collapse_file::ROOM,
    retract::ROOM,
    memory::ROOM,
    vma::ROOM,
    pae::ROOM,
    rmap::ROOM,
    gup::ROOM,
    notifier::ROOM,
    reclaim::ROOM,
    huge::ROOM,
    collapse_anon::ROOM,
    fs::ROOM,
    fork::ROOM,
    moves::ROOM,
    uffd::ROOM,
    tlb::ROOM,
    zap::ROOM,
];

/// All protections, room by room.
pub const PROTECTIONS: &[Protection] = flat!(Protection, ROOMS);

#[cfg(test)]
mod tests {
    use super::{PROTECTIONS, Protection};

    #[test]
    fn names_are_unique() {
        for protection in PROTECTIONS {
            let found = Protection::from_name(protection.name);
            assert_eq!(found.map(|found| found.about), Some(protection.about));
        }
    }
}
