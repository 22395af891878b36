//! The list of all exhibits, room by room.

use super::{
    Exhibit, canary, collapse_file, cow, fork, gup, madvise, mremap, notifier, pae,
    page_table_check, pmd, pt_reclaim, retract, revalidate, seed, split, swap, vma_lock, walkers,
};

use crate::mm::steps::flat;

const ROOMS: &[&[Exhibit]] = &[
    notifier::ROOM,
    pt_reclaim::ROOM,
    gup::ROOM,
    mremap::ROOM,
    retract::ROOM,
    page_table_check::ROOM,
    pmd::ROOM,
    collapse_file::ROOM,
    cow::ROOM,
    fork::ROOM,
    madvise::ROOM,
    split::ROOM,
    walkers::ROOM,
    pae::ROOM,
    revalidate::ROOM,
    vma_lock::ROOM,
    swap::ROOM,
    seed::ROOM,
    canary::ROOM,
];

/// All exhibits.
pub const EXHIBITS: &[Exhibit] = flat!(Exhibit, ROOMS);

#[cfg(test)]
mod tests {
    use super::{EXHIBITS, Exhibit};
    use crate::mm::steps::Protection;

    #[test]
    fn names_are_unique_and_say_something() {
        for exhibit in EXHIBITS {
            let found = Exhibit::from_name(exhibit.name);
            assert_eq!(found.map(|found| found.about), Some(exhibit.about));
            for name in exhibit.without {
                let protection = Protection::from_name(name).expect("it is one");
                assert!(protection.eras.contains(&exhibit.era), "{}: {name}", exhibit.name);
            }
            assert!(!exhibit.about.is_empty() && !exhibit.oracle.is_empty(), "{}", exhibit.name);
        }
    }
}
