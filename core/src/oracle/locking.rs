//! lockdep's part: the order of the locks, who holds what, and where one may sleep.
//!
//! Verified: each blocking acquisition against the ladder of section 12.1, the preconditions of section 12.4, sleeping
//! in atomic context, locks and RCU sections left open at the end of an operation, and at quiescence locks that are held
//! and VMAs that are marked.
//! Not verified: cycles through classes that one execution does not show (deadlocks are found when they happen).

use super::view::Wrong;
use super::{Oracle, View};
use crate::mm::class::Class;
use crate::mm::{Kernel, object_name};
use crate::sync::{Obj, Splat};

fn name(view: &View<'_>, obj: Obj) -> String {
    object_name(obj, view.kernel.hpn)
}

/// S5.
pub(super) const LOCK_ORDER: Oracle = Oracle {
    splat: Some(|view, splat| match splat {
        Splat::LockOrder { held, taken } => Some(Wrong::new(
            format!("{} was taken while {} is held", name(view, taken), name(view, held)),
            [taken, held],
        )),
        _ => None,
    }),
    ..Oracle::new(
        "lock_order",
        "S5",
        "Locks are taken in the order of the ladder: mmap_lock, folio lock, i_mmap, anon_vma, pml, ptl.",
    )
};

/// Section 12.4.
pub(super) const LOCK_NOT_HELD: Oracle = Oracle {
    splat: Some(|view, splat| match splat {
        // A counter stands for whichever lock protects it.
        Splat::NotHeld(counter) if Class::Mapcount.has(counter) => Some(Wrong::new(
            format!("{} changes with neither pml nor ptl held", name(view, counter)),
            [counter],
        )),
        Splat::NotHeld(lock) => {
            Some(Wrong::new(format!("{} is not held", name(view, lock)), [lock]))
        }
        _ => None,
    }),
    ..Oracle::new(
        "lock_not_held",
        "S5, S6, 12.4",
        "PTEs change under ptl, PMD entries under pml, and a collapse runs under mmap_lock.",
    )
};

/// Section 12.4.
pub(super) const LOCK_MUST_NOT_BE_HELD: Oracle = Oracle {
    splat: Some(|view, splat| match splat {
        Splat::Held(lock) => {
            let detail = format!("{} is held, and must not be", name(view, lock));
            Some(Wrong::new(detail, [lock]))
        }
        _ => None,
    }),
    ..Oracle::new(
        "lock_must_not_be_held",
        "S5, 12.4",
        "A function that takes locks itself is called, and returns, without those that come inside.",
    )
};

/// S5.
pub(super) const UNLOCK_NOT_OWNER: Oracle = Oracle {
    splat: Some(|view, splat| match splat {
        Splat::NotOwner(lock) => Some(Wrong::new(
            format!("{} was released by a CPU that does not hold it", name(view, lock)),
            [lock],
        )),
        _ => None,
    }),
    ..Oracle::new("unlock_not_owner", "S5", "Only the CPU that holds a lock releases it.")
};

/// Section 12.1.
pub(super) const SLEEP_IN_ATOMIC: Oracle = Oracle {
    splat: Some(|view, splat| match splat {
        Splat::SleepInAtomic { held } => Some(Wrong::new(
            format!("something that may sleep was called with {} held", name(view, held)),
            [held],
        )),
        _ => None,
    }),
    ..Oracle::new(
        "sleep_in_atomic",
        "S5",
        "Nothing that may sleep is called under a spinlock, in an RCU read section or with interrupts off.",
    )
};

/// Q11.
pub(super) const LOCK_LEFT_HELD: Oracle = Oracle {
    op_end: Some(|view, cpu| match cpu.held().iter().next() {
        Some(lock) => Err(Wrong::new(
            format!("the operation ended with {} held", name(view, lock.obj)),
            [lock.obj],
        )),
        None if cpu.held().is_atomic() => {
            Err(Wrong::new("the operation ended inside an RCU read section", []))
        }
        None => Ok(()),
    }),
    quiesce: Some(|view: &View<'_>, _| {
        let k = view.kernel;
        if let Some(lock) = held_rwsem(k).or_else(|| held_spinlock(k)) {
            return Err(Wrong::new(format!("{} is still held", name(view, lock)), [lock]));
        }
        if let Some((vma, area)) = k.vmas.iter().find(|&(vma, _)| k.vma_is_write_locked(vma)) {
            let detail = format!("v{} is still marked as locked for write", vma.0);
            return Err(Wrong::new(detail, [area.obj()]));
        }
        match k.folios.touched().find(|&id| k.folio(id).lock.is_locked()) {
            Some(id) => {
                Err(Wrong::new(format!("folio {} is still locked", id.0), [Kernel::folio_obj(id)]))
            }
            None => Ok(()),
        }
    }),
    ..Oracle::new(
        "lock_left_held",
        "Q11",
        "An operation ends without locks and outside of RCU read sections.",
    )
};

/// A sleeping lock that somebody holds.
fn held_rwsem(k: &Kernel) -> Option<Obj> {
    let of_mms = k.mms.iter().map(|mm| &mm.mmap_lock);
    let of_files = k.files.iter().flat_map(|file| [&file.i_rwsem, &file.i_mmap_rwsem]);
    let of_vmas = k.vmas.iter().map(|(_, area)| &area.vm_lock);
    let roots = k.anon_vmas.iter().map(|(id, _)| k.anon_vma_rwsem(id));
    let mut all = of_mms.chain(of_files).chain(of_vmas).chain(roots);
    all.find(|lock| lock.is_locked()).map(|lock| lock.obj())
}

/// A spinlock that somebody holds.
fn held_spinlock(k: &Kernel) -> Option<Obj> {
    let of_mms = k.mms.iter().flat_map(|mm| [&mm.page_table_lock, &mm.pml]);
    let of_files = k.files.iter().flat_map(|file| [&file.xa_lock, &file.info_lock]);
    let of_tables = k.tables.touched().map(|table| &table.ptl);
    of_mms.chain(of_files).chain(of_tables).find(|lock| !lock.is_free()).map(|lock| lock.obj())
}
