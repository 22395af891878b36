//! Neighbours become one VMA (`vma_merge`, `vma_expand`).

use crate::mm::kernel::Kernel;
use crate::mm::khugepaged::Errno;
use crate::mm::place::func;
use crate::mm::types::{AnonVmaId, FileId, MmId, Vaddr, VmaId};
use crate::mm::vma::VmFlags;
use crate::sync::Cpu;

/// What `[start, end)` is about to be: what a neighbour is compared with.
#[derive(Clone, Copy, Debug)]
pub struct MergeWith {
    /// Whose.
    pub mm: MmId,
    /// The first page.
    pub start: Vaddr,
    /// The page behind the last.
    pub end: Vaddr,
    /// `vm_pgoff`.
    pub pgoff: u32,
    /// `vm_flags`.
    pub flags: VmFlags,
    /// `vm_file`.
    pub file: Option<FileId>,
    /// `anon_vma`.
    pub anon_vma: Option<AnonVmaId>,
}

impl MergeWith {
    fn pages(&self) -> u32 {
        self.end.0 - self.start.0
    }
}

/// What a merge does: which VMA gets which range, whose start moves, and what is swallowed.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// The VMA that is returned.
    res: VmaId,
    /// The VMA that gets the range.
    vma: VmaId,
    start: Vaddr,
    end: Vaddr,
    pgoff: u32,
    adjust: Option<(VmaId, i64)>,
    remove: [Option<VmaId>; 2],
    /// Who may need the anon_vma of whom.
    dup: [Option<(VmaId, VmaId)>; 2],
}

impl Kernel {
    /// `can_vma_merge_before`: what is described goes on in `next`.
    pub(super) fn can_vma_merge_before(&self, next: VmaId, with: &MergeWith) -> bool {
        self.is_mergeable(next, with) && self.vma(next).spec().pgoff == with.pgoff + with.pages()
    }

    /// `can_vma_merge_after`: what is described goes on from `prev`.
    pub(super) fn can_vma_merge_after(&self, prev: VmaId, with: &MergeWith) -> bool {
        let spec = self.vma(prev).spec();
        self.is_mergeable(prev, with) && spec.pgoff + spec.pages() == with.pgoff
    }

    /// `is_mergeable_vma` and `is_mergeable_anon_vma`.
    fn is_mergeable(&self, vma: VmaId, with: &MergeWith) -> bool {
        let spec = self.vma(vma).spec();
        spec.flags == with.flags
            && spec.file == with.file
            && self.is_mergeable_anon_vma(with.anon_vma, self.peek_anon_vma(vma), Some(vma))
    }

    /// `is_mergeable_anon_vma`: one of the two may be missing, but not if `vma` was forked, which would make its pages
    /// findable where they do not belong.
    fn is_mergeable_anon_vma(
        &self,
        one: Option<AnonVmaId>,
        other: Option<AnonVmaId>,
        vma: Option<VmaId>,
    ) -> bool {
        let singular = |vma| self.vma(vma).anon_vma_chain.is_singular();
        if (one.is_none() || other.is_none()) && vma.is_none_or(singular) {
            return true;
        }
        one == other
    }

    /// `vma_merge`: what is described becomes part of a neighbour, with which it agrees. `prev` is the VMA before it, or
    /// the one of which it is the end. Returns the VMA that it is part of. `None`: it stays for itself. mmap_lock is held
    /// for write. May sleep.
    pub fn vma_merge(&self, cpu: &Cpu<'_>, prev: Option<VmaId>, with: &MergeWith) -> Option<VmaId> {
        let _f = cpu.enter(func::vma_merge);
        self.mmap_assert_write_locked(cpu, with.mm);
        let plan = self.merge_plan(prev, with)?;
        let involved =
            [Some(plan.vma), plan.adjust.map(|(vma, _)| vma), plan.remove[0], plan.remove[1]];
        for vma in involved.into_iter().flatten() {
            (self.steps.vma.merge_start_write)(cpu, self, vma);
        }
        let mut duped = None;
        for (dst, src) in plan.dup.into_iter().flatten() {
            duped = self.dup_anon_vma(cpu, dst, src).ok()?.or(duped);
        }
        if self.vma_iter_prealloc(cpu, duped).is_err() {
            return None;
        }
        let adjust = plan.adjust.map(|(vma, _)| vma);
        let vp = super::VmaPrepare { remove: plan.remove, ..self.init_vma_prep(plan.vma, adjust) };
        self.vma_prepare(cpu, &vp);
        let delta = plan.adjust.map_or(0, |(_, delta)| delta);
        self.vma_adjust_trans_huge(cpu, plan.vma, plan.start, plan.end, delta);
        self.vma_set_range(cpu, plan.vma, plan.start, plan.end, plan.pgoff);
        if let Some((vma, delta)) = plan.adjust {
            let spec = self.vma(vma).spec();
            let moved = |page: u32| (i64::from(page) + delta) as u32;
            self.vma_set_range(cpu, vma, Vaddr(moved(spec.start.0)), spec.end, moved(spec.pgoff));
        }
        self.vma_complete(cpu, &vp);
        self.khugepaged_enter_vma(cpu, plan.res, with.flags);
        Some(plan.res)
    }

    /// Which of the eight cases above `vma_merge` in mm/mmap.c it is.
    fn merge_plan(&self, prev: Option<VmaId>, with: &MergeWith) -> Option<Plan> {
        let from = prev.map_or(Vaddr(0), |prev| self.vma(prev).spec().end);
        // The VMA that the range is, or begins in (cases 5 to 8).
        let curr =
            self.vmas_in(with.mm, from, with.end).first().copied().filter(|_| from < with.end);
        let next = if curr.is_none_or(|curr| self.vma(curr).spec().end == with.end) {
            self.vmas_in(with.mm, with.end, Vaddr(with.end.0 + 1)).first().copied()
        } else {
            None
        };
        let merge_prev = prev.filter(|&prev| {
            self.vma(prev).spec().end == with.start && self.can_vma_merge_after(prev, with)
        });
        let merge_next = next.filter(|&next| self.can_vma_merge_before(next, with));
        let spec = |vma: VmaId| self.vma(vma).spec();
        let widened = |vma: VmaId, end: Vaddr| Plan {
            res: vma,
            vma,
            start: spec(vma).start,
            end,
            pgoff: spec(vma).pgoff,
            adjust: None,
            remove: [None; 2],
            dup: [None; 2],
        };
        match (merge_prev, merge_next) {
            (Some(prev), Some(next))
                if self.is_mergeable_anon_vma(
                    self.peek_anon_vma(prev),
                    self.peek_anon_vma(next),
                    None,
                ) =>
            {
                // 1, or with `curr` 6.
                let other = curr.filter(|_| self.peek_anon_vma(next).is_none());
                let remove = curr.map_or([Some(next), None], |curr| [Some(curr), Some(next)]);
                let dup = [Some((prev, next)), other.map(|curr| (prev, curr))];
                Some(Plan { remove, dup, ..widened(prev, spec(next).end) })
            }
            (Some(prev), _) => {
                // 2, or with `curr` 7 if it ends with the range, else 5.
                let whole = curr.filter(|&curr| spec(curr).end == with.end);
                let part = curr.filter(|&curr| spec(curr).end != with.end);
                let delta = |curr| i64::from(with.end.0) - i64::from(spec(curr).start.0);
                Some(Plan {
                    remove: [whole, None],
                    adjust: part.map(|curr| (curr, delta(curr))),
                    dup: [curr.map(|curr| (prev, curr)), None],
                    ..widened(prev, with.end)
                })
            }
            (None, Some(next)) => match prev.filter(|&prev| with.start < spec(prev).end) {
                // 4: the end of `prev` becomes the beginning of `next`.
                Some(prev) => Some(Plan {
                    res: next,
                    adjust: Some((next, i64::from(with.start.0) - i64::from(spec(prev).end.0))),
                    dup: [Some((next, prev)), None],
                    ..widened(prev, with.start)
                }),
                // 3, or with `curr` 8.
                None => Some(Plan {
                    start: with.start,
                    pgoff: curr.map_or(with.pgoff, |curr| spec(curr).pgoff),
                    remove: [curr, None],
                    dup: [curr.map(|curr| (next, curr)), None],
                    ..widened(next, spec(next).end)
                }),
            },
            (None, None) => None,
        }
    }

    /// `dup_anon_vma`: `dst`, which is to swallow pages of `src`, gets its anon_vma if it has none. Returns `dst` if so.
    fn dup_anon_vma(&self, cpu: &Cpu<'_>, dst: VmaId, src: VmaId) -> Result<Option<VmaId>, Errno> {
        let Some(anon_vma) = self.peek_anon_vma(src) else { return Ok(None) };
        if self.peek_anon_vma(dst).is_some() {
            return Ok(None);
        }
        self.vma(dst).anon_vma.write_once(cpu, u64::from(anon_vma.0) + 1);
        if self.anon_vma_clone(cpu, dst, src) { Ok(Some(dst)) } else { Err(Errno::Enomem) }
    }

    /// `vma_iter_prealloc`: the nodes of the tree that the change may need. ENOMEM: whoever has got an anon_vma for the
    /// change gives it back.
    fn vma_iter_prealloc(&self, cpu: &Cpu<'_>, duped: Option<VmaId>) -> Result<(), Errno> {
        if !self.should_fail_alloc(cpu) {
            return Ok(());
        }
        if let Some(vma) = duped {
            self.unlink_anon_vmas(cpu, vma);
        }
        Err(Errno::Enomem)
    }

    /// `vma_expand`: the VMA gets a wider range, and swallows `next` if that ends where it ends then. May sleep.
    pub(super) fn vma_expand(
        &self,
        cpu: &Cpu<'_>,
        vma: VmaId,
        (start, end, pgoff): (Vaddr, Vaddr, u32),
        next: Option<VmaId>,
    ) -> Result<(), Errno> {
        (self.steps.vma.merge_start_write)(cpu, self, vma);
        let swallowed = next.filter(|&next| next != vma && self.vma(next).spec().end == end);
        let mut duped = None;
        if let Some(next) = swallowed {
            (self.steps.vma.merge_start_write)(cpu, self, next);
            duped = self.dup_anon_vma(cpu, vma, next)?;
        }
        self.vma_iter_prealloc(cpu, duped)?;
        let vp = super::VmaPrepare { remove: [swallowed, None], ..self.init_vma_prep(vma, None) };
        self.vma_prepare(cpu, &vp);
        self.vma_adjust_trans_huge(cpu, vma, start, end, 0);
        self.vma_set_range(cpu, vma, start, end, pgoff);
        self.vma_complete(cpu, &vp);
        Ok(())
    }
}
