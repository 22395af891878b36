//! To choose is to leave out of a corpus what others reach too.

use super::{Member, Reach};

/// A member that was chosen, and what for.
#[derive(Debug)]
pub(crate) struct Choice<'a> {
    /// The member.
    pub(crate) member: &'a Member,
    /// The places that none chosen before it reaches.
    pub(crate) places: Vec<&'static str>,
}

/// The members that reach something new, the shortest first: as an engine would keep them.
pub(crate) fn keep_new(members: &[Member]) -> Vec<&Member> {
    let mut sorted: Vec<&Member> = members.iter().collect();
    sorted.sort_by_key(|member| (member.bytes.len(), &member.bytes));
    let mut reached = Reach::default();
    sorted.retain(|member| {
        let new = reached.missing(&member.reach) != (0, 0);
        reached.merge(&member.reach);
        new
    });
    sorted
}

/// A few members that reach all places that any reaches, those first that reach the most new ones; then, if they are
/// wanted, more of them for the interleavings. At most `most`.
pub(crate) fn cover(members: &[Member], interleavings: bool, most: usize) -> Vec<Choice<'_>> {
    let mut left: Vec<&Member> = members.iter().collect();
    left.sort_by_key(|member| (member.bytes.len(), &member.bytes));
    let mut reached = Reach::default();
    let mut chosen = Vec::new();
    while chosen.len() < most {
        let gain = |member: &Member| match reached.missing(&member.reach) {
            (places, features) if interleavings => (places, features),
            (places, _) => (places, 0),
        };
        // The first of the best is the shortest of them.
        let best = left.iter().enumerate().rev().max_by_key(|(_, member)| gain(member));
        let Some((at, best)) = best.map(|(at, member)| (at, *member)) else { break };
        if gain(best) == (0, 0) {
            break;
        }
        let before: Vec<&str> = reached.places().collect();
        let places = best.reach.places().filter(|place| !before.contains(place)).collect();
        reached.merge(&best.reach);
        chosen.push(Choice { member: best, places });
        left.remove(at);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::{cover, keep_new};
    use crate::corpus::{Member, Reach, Scout};
    use racewalk::{Era, Program, Reader, Target, Variant};

    fn members() -> Vec<Member> {
        let (mut scout, mut reader) =
            (Scout::new(Variant::era(Era::Fixed)), Reader::new(Target::Race));
        let mut program = Program::default();
        let member = |n: u8| {
            let bytes = [[0, 0, 0, 0, 0, 0, 1 + n % 7, 0], [0, n % 16, 0, 0, 0, 0, 0, 0]].concat();
            reader.read(&bytes, &mut program);
            let bytes = reader.write(&program)?;
            Some(Member { reach: scout.reach(&program)?, program: program.clone(), bytes })
        };
        (0..112).filter_map(member).collect()
    }

    fn all<'a>(members: impl Iterator<Item = &'a Member>) -> Reach {
        let mut all = Reach::default();
        members.for_each(|member| all.merge(&member.reach));
        all
    }

    #[test]
    fn nothing_is_lost_and_much_is_left_out() {
        let members = members();
        let everything = all(members.iter());
        let kept = keep_new(&members);
        assert_eq!(all(kept.iter().copied()), everything);
        assert!(kept.len() < members.len());
        let few = cover(&members, false, 300);
        let reached = all(few.iter().map(|choice| choice.member));
        assert!(reached.places().eq(everything.places()));
        assert!(few.len() < kept.len());
        assert!(few.iter().all(|choice| !choice.places.is_empty()));
        let more = cover(&members, true, 300);
        assert_eq!(all(more.iter().map(|choice| choice.member)), everything);
        assert_eq!(cover(&members, true, 2).len(), 2);
    }
}
