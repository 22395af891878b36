//! An access is what a step does, and to which object: all that a scheduler can know of a step before it is taken.

use super::Obj;

/// The kind of an access that only reads; all others exclude each other.
const LOAD: u16 = 0;
/// Any other one.
const TAKE: u16 = 1;

/// What a step does to which object.
///
/// Objects are told apart by their slots in the interleaving feedback. Two objects may share one: then two accesses
/// are taken for racing that are not, never the other way round.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Access {
    slot: u16,
    kind: u16,
}

impl Access {
    /// An access to nothing: it races with no other.
    pub const NONE: Access = Access { slot: u16::MAX, kind: LOAD };
    /// Slots below this one are objects'.
    pub const SLOTS: u16 = 1024;

    /// An access of a kind (0 only reads) to the object of a slot.
    #[inline]
    pub const fn new(slot: u16, kind: u16) -> Access {
        Access { slot, kind }
    }

    /// The slot of an object.
    pub const fn slot_of(obj: Obj) -> u16 {
        let spread = obj.index().wrapping_add((obj.class() as u32).wrapping_mul(173));
        spread as u16 & (Access::SLOTS - 1)
    }

    /// What a CPU that waits for an object will do when it need not wait any longer: take it.
    pub const fn wait_for(obj: Obj) -> Access {
        Access { slot: Access::slot_of(obj), kind: TAKE }
    }

    /// The slot of its object; [`Access::SLOTS`] or more if it has none.
    #[inline]
    pub const fn slot(self) -> u16 {
        self.slot
    }

    /// Whether it only reads.
    #[inline]
    pub const fn is_load(self) -> bool {
        self.kind == LOAD
    }

    /// Whether the order of the two matters: they are to one object, and not both of them only read.
    #[inline]
    pub const fn races(self, other: Access) -> bool {
        self.slot == other.slot && !(self.is_load() && other.is_load())
    }
}
