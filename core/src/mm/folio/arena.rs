//! All folios and pages, and which page is whose head.
//!
//! Frames: 0 is none, 1 the zero page, then small pages, then slots of HPN frames for huge folios. A folio bears the
//! number of its first frame. A split makes folios of the tail pages; the slot can be a huge folio again when all its
//! frames are free. A freed frame is reused as late as possible (`reuse`: as soon as possible) and with a new generation:
//! whoever still reaches it is found out.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::object::{Folio, Page, flags};
use crate::mm::types::{FolioId, Pfn};

/// Slots for huge folios.
const HUGE_MAX: u32 = 8;

/// Frames below this one are small folios.
pub fn small_folios(hpn: u32) -> u32 {
    if hpn > 8 { 5 * hpn } else { 128 }
}

/// All folios and pages.
#[derive(Debug)]
pub struct Folios {
    hpn: u32,
    small: u32,
    folios: Vec<Folio>,
    pages: Vec<Page>,
    next_small: AtomicU32,
    next_huge: AtomicU32,
    /// Frames in use of each huge slot.
    busy: [AtomicU32; HUGE_MAX as usize + 1],
    /// Whether the huge zero page was mapped.
    zero_used: AtomicBool,
    /// What was freed last: a small frame, and a huge slot's first one. 0: nothing yet.
    freed: [AtomicU32; 2],
}

impl Folios {
    pub(in crate::mm) fn new(hpn: u32) -> Folios {
        let small = small_folios(hpn);
        // The last slot is the huge zero page's.
        let frames = small + (HUGE_MAX + 1) * hpn;
        let mut folios = Folios {
            hpn,
            small,
            folios: (0..frames).map(Folio::new).collect(),
            pages: (0..frames).map(Page::new).collect(),
            next_small: AtomicU32::new(0),
            next_huge: AtomicU32::new(0),
            busy: Default::default(),
            zero_used: AtomicBool::new(false),
            freed: Default::default(),
        };
        (0..=HUGE_MAX).for_each(|slot| folios.reset_slot(slot));
        folios.reset_huge_zero_page();
        folios
    }

    pub(in crate::mm) fn reset(&mut self) {
        let small = (*self.next_small.get_mut() + 2).min(self.small);
        (0..small).for_each(|id| self.reset_frame(id));
        for slot in 0..(*self.next_huge.get_mut()).min(HUGE_MAX) {
            self.reset_slot(slot);
        }
        if std::mem::take(self.zero_used.get_mut()) {
            self.reset_huge_zero_page();
        }
        *self.next_small.get_mut() = 0;
        *self.next_huge.get_mut() = 0;
        self.freed = Default::default();
    }

    fn reset_frame(&mut self, frame: u32) {
        self.pages[frame as usize].scrub();
        let folio = &mut self.folios[frame as usize];
        folio.scrub();
        *folio.generation.get_mut() = 0;
        *folio.allocated.get_mut() = 0;
    }

    fn reset_slot(&mut self, slot: u32) {
        let head = self.slot_head(slot);
        (head..head + self.hpn).for_each(|frame| self.reset_frame(frame));
        self.make_compound(head);
        *self.busy[slot as usize].get_mut() = 0;
    }

    fn slot_head(&self, slot: u32) -> u32 {
        self.small + slot * self.hpn
    }

    fn slot_of(&self, frame: u32) -> usize {
        ((frame - self.small) / self.hpn) as usize
    }

    /// The huge zero page is in use from the start: one reference keeps it for ever.
    fn reset_huge_zero_page(&mut self) {
        self.reset_slot(HUGE_MAX);
        let folio = &mut self.folios[(self.small + HUGE_MAX * self.hpn) as usize];
        *folio.allocated.get_mut() = 1;
        folio.refcount.poke(1);
        folio.flags.poke(flags::UPTODATE);
    }

    /// The first frame of the huge zero page. It is in no list of folios: nothing counts it.
    #[inline]
    pub fn huge_zero_page(&self) -> Pfn {
        Pfn(self.slot_head(HUGE_MAX))
    }

    /// `mm_get_huge_zero_page`.
    pub(in crate::mm) fn get_huge_zero_page(&self) -> Pfn {
        self.zero_used.store(true, Ordering::Relaxed);
        self.huge_zero_page()
    }

    /// `prep_compound_page` of a whole slot.
    fn make_compound(&self, head: u32) {
        let frames = head as usize..(head + self.hpn) as usize;
        // What remembers a tail's generation remembers the head's: so they are the same.
        let generation = |folio: &Folio| folio.generation.load(Ordering::SeqCst);
        let newest = self.folios[frames.clone()].iter().map(generation).max().unwrap_or(0);
        for frame in frames {
            self.folios[frame].generation.store(newest, Ordering::SeqCst);
            self.pages[frame].head.store(head, Ordering::SeqCst);
        }
        self.folios[head as usize].pages.store(self.hpn, Ordering::SeqCst);
    }

    /// `clear_compound_head`: the page is a folio of its own from now on, and in use. Not a step: the caller has frozen
    /// the folio whose tail it was.
    pub(in crate::mm) fn clear_compound_head(&self, tail: Pfn) {
        let folio = self.get(FolioId(tail.0));
        folio.pages.store(1, Ordering::SeqCst);
        folio.allocated.store(1, Ordering::SeqCst);
        self.page(tail).head.store(tail.0, Ordering::SeqCst);
    }

    /// `ClearPageCompound`: the folio has no tails any longer.
    pub(in crate::mm) fn clear_compound(&self, id: FolioId) {
        self.get(id).pages.store(1, Ordering::SeqCst);
    }

    /// Everything in the folio and its pages back to the state of free memory, and the frames free, with a new
    /// generation.
    pub(super) fn give_back(&self, id: FolioId) {
        let pages = self.nr_pages(id);
        self.get(id).scrub();
        for pfn in self.pfns(id) {
            self.page(pfn).scrub();
            self.folios[pfn.0 as usize].generation.fetch_add(1, Ordering::SeqCst);
        }
        self.get(id).allocated.store(0, Ordering::SeqCst);
        if id.0 < self.small {
            self.freed[0].store(id.0, Ordering::SeqCst);
        } else {
            let slot = self.slot_of(id.0);
            if self.busy[slot].fetch_sub(pages, Ordering::SeqCst) == pages {
                self.freed[1].store(self.slot_head(slot as u32), Ordering::SeqCst);
            }
        }
    }

    /// The folio.
    #[inline]
    pub fn get(&self, id: FolioId) -> &Folio {
        &self.folios[id.idx()]
    }

    /// The page of a frame.
    #[inline]
    pub fn page(&self, pfn: Pfn) -> &Page {
        &self.pages[pfn.0 as usize % self.pages.len()]
    }

    /// `page_folio`. Without a reference the answer may be old at once: a split makes a folio of a tail page.
    #[inline]
    pub fn of(&self, pfn: Pfn) -> FolioId {
        FolioId(self.page(pfn).head.load(Ordering::SeqCst))
    }

    /// `folio_page(folio, 0)`.
    #[inline]
    pub fn head(&self, id: FolioId) -> Pfn {
        Pfn(id.0)
    }

    /// How many frames there are, and folios.
    pub fn len(&self) -> usize {
        self.pages.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// `folio_test_large`.
    #[inline]
    pub fn is_large(&self, id: FolioId) -> bool {
        self.nr_pages(id) > 1
    }

    /// `folio_nr_pages`.
    #[inline]
    pub fn nr_pages(&self, id: FolioId) -> u32 {
        self.get(id).pages.load(Ordering::SeqCst)
    }

    /// The frames of a folio.
    pub fn pfns(&self, id: FolioId) -> impl Iterator<Item = Pfn> + use<> {
        (id.0..id.0 + self.nr_pages(id)).map(Pfn)
    }

    /// The folios that were ever allocated.
    pub fn touched(&self) -> impl Iterator<Item = FolioId> {
        let small = (self.next_small.load(Ordering::Relaxed) + 2).min(self.small);
        let huge = self.next_huge.load(Ordering::Relaxed).min(HUGE_MAX);
        let heads = (self.small..self.slot_head(huge)).filter(|&pfn| self.of(Pfn(pfn)).0 == pfn);
        (2..small).chain(heads).map(FolioId)
    }

    /// Whether such a frame exists and may be mapped.
    pub fn is_valid(&self, pfn: Pfn) -> bool {
        pfn.0 >= 1 && (pfn.0 as usize) < self.pages.len()
    }

    /// Takes a free folio: the one that was free longest or, with `reuse`, the one that was freed last. Not a step.
    pub(super) fn take(&self, large: bool, reuse: bool) -> Option<FolioId> {
        let last = self.freed[usize::from(large)].swap(0, Ordering::SeqCst);
        if reuse && last != 0 && self.take_frame(last, large) {
            return Some(FolioId(last));
        }
        let (next, room) =
            if large { (&self.next_huge, HUGE_MAX) } else { (&self.next_small, self.small - 2) };
        for _ in 0..room {
            let n = next.fetch_add(1, Ordering::SeqCst) % room;
            let frame = if large { self.slot_head(n) } else { n + 2 };
            if self.take_frame(frame, large) {
                return Some(FolioId(frame));
            }
        }
        None
    }

    fn take_frame(&self, frame: u32, large: bool) -> bool {
        let swap = |word: &AtomicU32, free, taken| {
            word.compare_exchange(free, taken, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        };
        let folio = &self.folios[frame as usize];
        if large {
            if !swap(&self.busy[self.slot_of(frame)], 0, self.hpn) {
                return false;
            }
            self.make_compound(frame);
            folio.allocated.store(1, Ordering::SeqCst);
            return true;
        }
        swap(&folio.allocated, 0, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{FolioId, Folios, Pfn};

    fn split(folios: &Folios, id: FolioId) {
        folios.pfns(id).skip(1).for_each(|tail| folios.clear_compound_head(tail));
        folios.clear_compound(id);
    }

    #[test]
    fn a_slot_that_was_split_is_huge_again_when_all_its_frames_are_free() {
        let folios = Folios::new(4);
        let huge = folios.take(true, true).expect("a slot");
        let tail = Pfn(huge.0 + 2);
        assert_eq!((folios.of(tail), folios.nr_pages(huge)), (huge, 4));
        split(&folios, huge);
        assert_eq!((folios.of(tail), folios.nr_pages(huge)), (FolioId(tail.0), 1));
        assert_eq!(folios.touched().count(), 4);
        for pfn in huge.0..huge.0 + 3 {
            folios.give_back(FolioId(pfn));
            assert_ne!(folios.take(true, true), Some(huge));
        }
        folios.give_back(FolioId(huge.0 + 3));
        assert_eq!(folios.take(true, true), Some(huge));
        assert_eq!((folios.of(tail), folios.nr_pages(huge)), (huge, 4));
    }

    #[test]
    fn tails_remember_the_generation_of_their_head() {
        let folios = Folios::new(4);
        let huge = folios.take(true, true).expect("a slot");
        split(&folios, huge);
        (huge.0..huge.0 + 4).for_each(|pfn| folios.give_back(FolioId(pfn)));
        folios.give_back(folios.take(true, true).expect("the same slot"));
        let generations = (huge.0..huge.0 + 4).map(|pfn| {
            folios.get(FolioId(pfn)).generation.load(std::sync::atomic::Ordering::SeqCst)
        });
        assert_eq!(generations.collect::<Vec<_>>(), [2; 4]);
    }

    #[test]
    fn what_was_freed_last_is_reused_first_only_if_asked() {
        let folios = Folios::new(4);
        let first = folios.take(false, false).expect("a page");
        folios.give_back(first);
        assert_ne!(folios.take(false, false), Some(first));
        folios.give_back(FolioId(3));
        assert_eq!(folios.take(false, true), Some(FolioId(3)));
    }
}
