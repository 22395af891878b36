//! The list of all exhibits, room by room.

use super::{
    Exhibit, canary, collapse_file, cow, fork, gup, madvise, mremap, notifier, pae,
    page_table_check, pmd, pt_reclaim, retract, revalidate, seed, split, swap, vma_lock, walkers,
};

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

const COUNT: usize = {
    let mut count = 0;
    let mut room = 0;
    while room < ROOMS.len() {
        count += ROOMS[room].len();
        room += 1;
    }
    count
};

const FLAT: [Exhibit; COUNT] = {
    let mut flat = [Exhibit::PLAIN; COUNT];
    let (mut at, mut room) = (0, 0);
    while room < ROOMS.len() {
        let mut i = 0;
        while i < ROOMS[room].len() {
            flat[at] = ROOMS[room][i];
            at += 1;
            i += 1;
        }
        room += 1;
    }
    flat
};

/// All exhibits.
pub const EXHIBITS: &[Exhibit] = &FLAT;

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
