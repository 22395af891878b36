//! An ask is the moment at which a policy is consulted: where the CPU stands, why, and what it may do next.

use crate::trace::Access;

/// More steps than any run takes: run until something else happens.
pub const FAR: u32 = 1 << 30;

/// The position of a CPU: before the `k`-th step of its `op`-th operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct At {
    /// The CPU.
    pub cpu: u8,
    /// Its operation, from 0; the number of its operations means that it has finished.
    pub op: u16,
    /// The step within the operation, from 0.
    pub k: u32,
    /// How many steps the CPU has taken in all.
    pub step: u32,
    /// What it will do next, if the policy looks: the step that it stands before or, while it waits, to take what it
    /// waits for.
    pub next: Access,
}

/// Why a policy is asked who goes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// The set-up is done: CPU 0 stands before its first operation, and the others may start.
    Begin,
    /// The CPU has taken the steps that it was granted.
    Spent,
    /// The CPU has come to the place that it was to stop at.
    Arrived,
    /// The CPU waits for something and cannot run.
    Blocked,
    /// The CPU has done all its operations.
    Finished,
}

impl Why {
    /// Whether the CPU could go on, so that choosing another one preempts it.
    pub const fn is_voluntary(self) -> bool {
        matches!(self, Why::Spent | Why::Arrived)
    }
}

/// How long a CPU may run before the policy is asked again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Steps. With 0 the policy is asked again before the next one.
    pub steps: u32,
    /// The policy is asked at the first step of this operation, even if steps are left; `u16::MAX`: it is not.
    pub next_op: u16,
}

impl Grant {
    /// So many steps, in whatever operation.
    pub const fn steps(steps: u32) -> Grant {
        Grant { steps, next_op: u16::MAX }
    }

    /// Until the CPU blocks or finishes.
    pub const fn far() -> Grant {
        Grant::steps(FAR)
    }
}

/// The lowest CPU of a mask that is not empty: the default choice whenever a CPU cannot go on.
#[inline]
pub(super) fn lowest(runnable: u32) -> u8 {
    debug_assert_ne!(runnable, 0, "nobody can run, and a policy is asked who does");
    runnable.trailing_zeros() as u8
}

/// `cpu` if it is in the mask, else the next one of the mask, cyclically.
#[inline]
pub(super) fn nearest(cpu: u8, runnable: u32) -> u8 {
    let above = runnable & !((1u32 << cpu) - 1);
    lowest(if above != 0 { above } else { runnable })
}
