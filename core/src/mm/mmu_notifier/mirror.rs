//! The tables of a secondary MMU: what it maps, page by page, without a reference.

use std::sync::atomic::{AtomicBool, Ordering};

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
    used: AtomicBool,
}

impl Mirror {
    pub(super) fn new(class: Class, first: u32, pages: u32) -> Mirror {
        let words = (first..first + pages).map(|n| Word::new(class.obj(n), 0)).collect();
        Mirror { words, used: AtomicBool::new(false) }
    }

    pub(super) fn reset(&mut self) {
        if std::mem::take(self.used.get_mut()) {
            self.words.iter().for_each(|word| word.poke(0));
        }
    }

    fn word(&self, page: u32) -> &Word {
        &self.words[page as usize % self.words.len()]
    }

    /// What is mapped, by page of the mm; of a mirror of a range, by page of the range.
    pub fn entries(&self) -> impl Iterator<Item = (u32, Shadow)> {
        let mirrored = if self.used.load(Ordering::Relaxed) { &self.words[..] } else { &[] };
        (0..).zip(mirrored).filter_map(|(page, word)| Some((page, Shadow::unpack(word.peek())?)))
    }

    /// Maps a page. The lock of the secondary MMU is held.
    pub(in crate::mm) fn map(&self, cpu: &Cpu<'_>, page: u32, shadow: Shadow) {
        self.used.store(true, Ordering::Relaxed);
        self.word(page).write_once(cpu, shadow.pack());
    }

    /// Drops what is mapped of a range. The lock of the secondary MMU is held.
    pub(super) fn unmap(&self, cpu: &Cpu<'_>, start: u32, end: u32) {
        if !self.used.load(Ordering::Relaxed) {
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
