//! Pages that GUP has grabbed or pinned.
//!
//! The promises: GUP-fast has grabbed a page that was mapped at some instant since, and an mm that has not dropped a
//! pinned page does not get another one in its place.

use super::{Cell, Observed};
use crate::mm::{FollFlags, Kernel, MmId, Pfn, Vaddr};
use crate::sync::{CPUS_MAX, What};

/// A page that a CPU has pinned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pin {
    /// The CPU.
    pub cpu: u8,
    /// Whose page.
    pub mm: u8,
    /// Which one.
    pub page: u32,
    /// The frame.
    pub pfn: u32,
}

/// A page that GUP-fast has grabbed.
#[derive(Clone, Copy, Debug)]
struct Grab {
    mm: u8,
    page: u32,
    pfn: u32,
    write: bool,
    mapped: bool,
    /// The mm has dropped the page since, or is about to.
    dropped: bool,
}

/// What is grabbed and pinned.
#[derive(Debug, Default)]
pub(super) struct Pins {
    /// The page that a CPU in GUP-fast has grabbed, and whether it was mapped since.
    grabs: [Option<Grab>; CPUS_MAX],
    /// The pages that are pinned for an mm that must not get others in their place, and has not dropped them since:
    /// anonymous ones, those of private mappings that are pinned for long, and those of shmem that is mapped shared.
    pins: Vec<Pin>,
}

impl Pins {
    pub(super) fn reset(&mut self) {
        self.grabs = [None; CPUS_MAX];
        self.pins.clear();
    }

    /// Whether the page that the CPU has grabbed was mapped at some instant since.
    pub(super) fn was_mapped(&self, cpu: u8) -> bool {
        self.grabs[usize::from(cpu)].is_some_and(|grab| grab.mapped)
    }

    /// The pages that are pinned, that their mms must not replace.
    pub(super) fn all(&self) -> impl Iterator<Item = Pin> + '_ {
        self.pins.iter().copied()
    }

    /// The pages that `goes` says of, by mm and address, may be replaced there.
    pub(super) fn drop(&mut self, goes: impl Fn(u8, u32) -> bool) {
        self.pins.retain(|pin| !goes(pin.mm, pin.page));
        for grab in self.grabs.iter_mut().flatten() {
            grab.dropped |= goes(grab.mm, grab.page);
        }
    }

    /// Some entry has changed: the pages that were grabbed may be mapped now.
    pub(super) fn look_again(&mut self, kernel: &Kernel) {
        for grab in self.grabs.iter_mut().flatten().filter(|grab| !grab.mapped) {
            let (mm, page) = (MmId(grab.mm), Vaddr(grab.page));
            grab.mapped = kernel.peek_maps(mm, page, Pfn(grab.pfn), grab.write);
        }
    }
}

impl Observed {
    pub(super) fn take_in_gup(&mut self, kernel: &Kernel, cpu: u8, what: What) {
        match what {
            What::GupGrab { mm, page, pfn, flags } => {
                let write = FollFlags::from_bits(flags).write;
                let dropped = self.is_in_doubt(kernel, mm, page);
                let grab = Grab { mm, page, pfn, write, mapped: false, dropped };
                self.pins.grabs[usize::from(cpu)] = Some(grab);
                self.pins.look_again(kernel);
            }
            What::GupDone { mm, page, pfn, flags } => {
                // What is being dropped may be replaced at once; what was dropped since the grab has been, perhaps.
                let grab = self.pins.grabs[usize::from(cpu)].take();
                let dropped = grab.is_some_and(|grab| grab.dropped);
                let flags = FollFlags::from_bits(flags);
                let anon = kernel.folio_of(Pfn(pfn)).is_anon();
                let may_be_replaced = match Cell::of(kernel, mm, page) {
                    Some(Cell::Private(..)) => !flags.longterm,
                    // Opening a regular file for writing is enough to lose its pages.
                    Some(Cell::File(file, _)) => kernel.files[usize::from(file)].regular,
                    None => true,
                };
                let kept = !dropped && !self.is_in_doubt(kernel, mm, page);
                if flags.pin && (anon || !may_be_replaced) && kept {
                    self.pins.pins.push(Pin { cpu, mm, page, pfn });
                }
            }
            What::GupPut { pfn } => {
                let pins = &mut self.pins.pins;
                if let Some(at) = pins.iter().rposition(|pin| pin.cpu == cpu && pin.pfn == pfn) {
                    pins.remove(at);
                }
            }
            _ => {}
        }
    }
}
