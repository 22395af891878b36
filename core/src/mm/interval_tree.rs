//! The interval trees of rmap: the VMAs that may map a page of a file, or of an anon_vma (kernel-semantics section 2.4).
//!
//! A walk meets the VMAs in the order of their first page, and VMAs with the same one in the order in which they were
//! inserted: fork and mremap rely on it. Which VMAs there are is one word, changed under the lock of the tree.

use std::sync::atomic::{AtomicU64, Ordering};

use super::kernel::VMAS_MAX;
use super::types::VmaId;
use super::vma::Vmas;
use crate::sync::{Cpu, Obj, Word};

/// Between the keys of two VMAs that were inserted one after the other: room for what is inserted behind the first.
const GAP: u64 = 1 << 20;

/// A set of VMAs, in order.
#[derive(Debug)]
pub struct IntervalTree {
    members: Word,
    /// Among VMAs with the same first page, the lower key comes first.
    keys: [AtomicU64; VMAS_MAX],
}

/// Some VMAs.
#[derive(Clone, Copy, Debug)]
pub struct VmaVec {
    ids: [VmaId; VMAS_MAX],
    len: usize,
}

impl Default for VmaVec {
    fn default() -> VmaVec {
        VmaVec { ids: [VmaId(0); VMAS_MAX], len: 0 }
    }
}

impl VmaVec {
    /// Adds one.
    pub fn push(&mut self, vma: VmaId) {
        self.ids[self.len % VMAS_MAX] = vma;
        self.len += 1;
    }

    /// Puts them into the order of their keys.
    pub(super) fn sort_by_key<K: Ord>(&mut self, key: impl Fn(VmaId) -> K) {
        self.ids[..self.len].sort_unstable_by_key(|&vma| key(vma));
    }
}

impl std::ops::Deref for VmaVec {
    type Target = [VmaId];

    fn deref(&self) -> &[VmaId] {
        &self.ids[..self.len.min(VMAS_MAX)]
    }
}

impl IntoIterator for VmaVec {
    type Item = VmaId;
    type IntoIter = std::iter::Take<std::array::IntoIter<VmaId, VMAS_MAX>>;

    fn into_iter(self) -> Self::IntoIter {
        self.ids.into_iter().take(self.len)
    }
}

impl IntervalTree {
    pub(super) fn new(obj: Obj) -> IntervalTree {
        IntervalTree { members: Word::new(obj, 0), keys: [const { AtomicU64::new(0) }; VMAS_MAX] }
    }

    pub(super) fn reset(&mut self) {
        self.members.poke(0);
    }

    /// The members, one bit each, without a step.
    pub fn peek(&self) -> u64 {
        self.members.peek()
    }

    /// Whether the VMA is a member, without a step.
    pub fn has(&self, vma: VmaId) -> bool {
        self.peek() >> vma.0 & 1 == 1
    }

    /// What the set of members is known as.
    pub fn obj(&self) -> Obj {
        self.members.obj()
    }

    /// Sets the members before anybody runs.
    pub fn poke(&self, members: u64) {
        self.poke_bits(members, !members);
    }

    /// Adds and removes members before anybody runs.
    pub fn poke_bits(&self, set: u64, clear: u64) {
        (0..VMAS_MAX)
            .filter(|id| set >> id & 1 == 1)
            .for_each(|id| self.keys[id].store(0, Ordering::SeqCst));
        self.members.poke_bits(set, clear);
    }

    fn key(&self, vma: VmaId) -> u64 {
        self.keys[vma.idx()].load(Ordering::SeqCst)
    }

    fn highest(&self) -> u64 {
        let ids = (0..VMAS_MAX as u8).map(VmaId);
        ids.filter(|&id| self.has(id)).map(|id| self.key(id)).max().unwrap_or(0)
    }

    /// `vma_interval_tree_insert`: behind all others that begin with the same page. One step.
    pub(super) fn insert(&self, cpu: &Cpu<'_>, vma: VmaId) {
        self.keys[vma.idx()].store(self.highest() + GAP, Ordering::SeqCst);
        self.members.change_bits(cpu, 1 << vma.0, 0);
    }

    /// `vma_interval_tree_insert_after`: directly behind `prev`, which begins with the same page. One step.
    pub fn insert_after(&self, cpu: &Cpu<'_>, vma: VmaId, prev: VmaId) {
        let ids = (0..VMAS_MAX as u8).map(VmaId);
        let behind = ids.filter(|&id| self.has(id)).map(|id| self.key(id));
        let key = self.key(prev);
        let next = behind.filter(|&other| other > key).min().unwrap_or(key + 2 * GAP);
        self.keys[vma.idx()].store(key + (next - key) / 2, Ordering::SeqCst);
        self.members.change_bits(cpu, 1 << vma.0, 0);
    }

    /// Directly before `next`, which begins with the same page: where no fork may put a child's. One step.
    pub fn insert_before(&self, cpu: &Cpu<'_>, vma: VmaId, next: VmaId) {
        self.insert_after(cpu, vma, next);
        let [before, behind] = [next, vma].map(|id| self.key(id));
        self.keys[vma.idx()].store(before, Ordering::SeqCst);
        self.keys[next.idx()].store(behind, Ordering::SeqCst);
    }

    /// The VMA was taken out and put in again because its range changed, under the lock of the tree for write: not a
    /// step, since nobody could see it outside.
    pub(super) fn reinsert(&self, vma: VmaId) {
        if self.has(vma) {
            self.keys[vma.idx()].store(self.highest() + GAP, Ordering::SeqCst);
        }
    }

    /// `vma_interval_tree_remove`. One step.
    pub(super) fn remove(&self, cpu: &Cpu<'_>, vma: VmaId) {
        self.members.change_bits(cpu, 0, 1 << vma.0);
    }

    /// The VMAs that have a page of `[first, last]`, in order. One step; the lock of the tree keeps the answer right.
    pub(super) fn read(&self, cpu: &Cpu<'_>, vmas: &Vmas, first: u32, last: u32) -> VmaVec {
        let members = self.members.read_once(cpu);
        let mut found = VmaVec::default();
        for id in (0..VMAS_MAX as u8).map(VmaId).filter(|id| members >> id.0 & 1 == 1) {
            let spec = vmas.get(id).spec();
            if spec.pgoff <= last && first < spec.pgoff + spec.pages() {
                found.push(id);
            }
        }
        if found.len() > 1 {
            found.sort_by_key(|id| (vmas.get(id).spec().pgoff, self.key(id), id));
        }
        found
    }
}
