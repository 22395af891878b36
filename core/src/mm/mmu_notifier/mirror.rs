//! The tables of a secondary MMU: what it maps, page by page, without a reference.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::mm::class::Class;
use crate::mm::types::{Pfn, Vaddr};
use crate::sync::{Cpu, Word};

/// What a secondary MMU maps at a page. It holds no reference to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shadow {
    /// The frame.
    pub pfn: Pfn,
    /// It may write.
    pub write: bool,
    /// The generation of the folio when it was mapped.
    pub generation: u8,
}

impl Shadow {
    fn pack(self) -> u64 {
        1 << 63
            | u64::from(self.generation) << 40
            | u64::from(self.write) << 32
            | u64::from(self.pfn.0)
    }

    fn unpack(word: u64) -> Option<Shadow> {
        (word != 0).then_some(Shadow {
            pfn: Pfn(word as u32),
            write: word >> 32 & 1 == 1,
            generation: (word >> 40) as u8,
        })
    }
}

/// The mirrored pages: of a whole mm, or, in a table of fewer words, of a range of as many pages.
#[derive(Debug)]
pub struct Mirror {
    words: Vec<Word>,
    /// Where anything was mapped since the boot: nothing beyond needs to be looked at.
    from: AtomicU32,
    to: AtomicU32,
}

impl Mirror {
    pub(super) fn new(class: Class, first: u32, pages: u32) -> Mirror {
        let words = (first..first + pages).map(|n| Word::new(class.obj(n), 0)).collect();
        Mirror { words, from: AtomicU32::new(u32::MAX), to: AtomicU32::new(0) }
    }

    pub(super) fn reset(&mut self) {
        self.words[self.used()].iter().for_each(|word| word.poke(0));
        (*self.from.get_mut(), *self.to.get_mut()) = (u32::MAX, 0);
    }

    fn number(&self, page: u32) -> u32 {
        page % self.words.len() as u32
    }

    fn word(&self, page: u32) -> &Word {
        &self.words[self.number(page) as usize]
    }

    /// The words that anything was mapped in.
    #[inline]
    fn used(&self) -> Range<usize> {
        let (from, to) = (self.from.load(Ordering::Relaxed), self.to.load(Ordering::Relaxed));
        from.min(to) as usize..to as usize
    }

    /// What is mapped, by page of the mm; of a mirror of a range, by page of the range.
    pub fn entries(&self) -> impl Iterator<Item = (u32, Shadow)> {
        let used = self.used();
        (used.start as u32..)
            .zip(&self.words[used])
            .filter_map(|(page, word)| Some((page, Shadow::unpack(word.peek())?)))
    }

    /// Maps a page. The lock of the secondary MMU is held.
    pub(in crate::mm) fn map(&self, cpu: &Cpu<'_>, page: u32, shadow: Shadow) {
        self.from.fetch_min(self.number(page), Ordering::Relaxed);
        self.to.fetch_max(self.number(page) + 1, Ordering::Relaxed);
        self.word(page).write_once(cpu, shadow.pack());
    }

    /// Drops what is mapped of a range. The lock of the secondary MMU is held.
    pub(super) fn unmap(&self, cpu: &Cpu<'_>, start: u32, end: u32) {
        if self.used().is_empty() {
            return;
        }
        for page in start..end {
            // A page that is not mirrored costs no step: only the removal of a mapping can be raced.
            let word = self.word(page);
            if word.peek() != 0 {
                word.write_once(cpu, 0);
            }
        }
    }

    /// What is mapped at a page.
    pub fn at(&self, page: Vaddr) -> Option<Shadow> {
        Shadow::unpack(self.word(page.0).peek())
    }
}
