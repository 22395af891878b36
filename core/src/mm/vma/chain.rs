//! `vma->anon_vma_chain`: the anon_vmas that a VMA is linked with.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::mm::types::AnonVmaId;

/// Links of one VMA: its own anon_vma, and one for each generation of ancestors.
pub(in crate::mm) const CHAIN_MAX: usize = 8;

/// The list, one byte a link (the anon_vma + 1), the newest lowest.
///
/// It changes under mmap_lock for write, or, from empty to one link, under page_table_lock. Only its owner walks it; who
/// asks a neighbour's whether it is singular has read that VMA's `anon_vma` before, which is the step.
#[derive(Debug, Default)]
pub struct AnonVmaChain(AtomicU64);

impl AnonVmaChain {
    fn word(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// `list_empty`.
    pub fn is_empty(&self) -> bool {
        self.word() == 0
    }

    /// `list_is_singular`.
    pub fn is_singular(&self) -> bool {
        self.word() != 0 && self.word() >> 8 == 0
    }

    /// Whether there is no room for another link.
    pub fn is_full(&self) -> bool {
        self.word() >> 56 != 0
    }

    /// The anon_vmas, the newest link first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = AnonVmaId> + use<> {
        let links = self.word().to_le_bytes();
        links.into_iter().filter_map(|link| link.checked_sub(1)).map(AnonVmaId)
    }

    /// Whether there is a link to it.
    pub fn has(&self, anon_vma: AnonVmaId) -> bool {
        self.iter().any(|link| link == anon_vma)
    }

    pub(in crate::mm) fn push(&self, anon_vma: AnonVmaId) {
        self.0.store(self.word() << 8 | (u64::from(anon_vma.0) + 1), Ordering::SeqCst);
    }

    pub(in crate::mm) fn remove(&self, anon_vma: AnonVmaId) {
        let left = self.iter().rev().filter(|&link| link != anon_vma);
        let word = left.fold(0, |word, link| word << 8 | (u64::from(link.0) + 1));
        self.0.store(word, Ordering::SeqCst);
    }

    pub(super) fn clear(&self) {
        self.0.store(0, Ordering::SeqCst);
    }
}
