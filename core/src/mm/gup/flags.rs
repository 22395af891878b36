//! `FOLL_*`: what a caller of get_user_pages wants the page for.

use crate::mm::types::Pfn;

/// The flags. Without `pin` it is FOLL_GET.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct FollFlags {
    /// FOLL_WRITE: the page will be written to.
    pub write: bool,
    /// FOLL_PIN: its content is accessed (DMA), not only its `struct page`.
    pub pin: bool,
    /// FOLL_LONGTERM: for as long as the caller likes. Goes with FOLL_PIN only.
    pub longterm: bool,
    /// FOLL_HONOR_NUMA_FAULT: a page that was made inaccessible to learn who uses it is faulted in first. Only the slow path
    /// asks; GUP-fast leaves such a page to it anyway.
    pub honor_numa_fault: bool,
    /// FOLL_FORCE: a debugger writes to what the process itself must not write to. Goes with FOLL_WRITE only.
    pub force: bool,
    /// FOLL_COW, which v6.6 has no longer: a fault has made a copy for the write.
    pub cow: bool,
}

impl FollFlags {
    /// FOLL_GET.
    pub const GET: FollFlags = FollFlags {
        write: false,
        pin: false,
        longterm: false,
        honor_numa_fault: false,
        force: false,
        cow: false,
    };
    /// FOLL_GET | FOLL_WRITE.
    pub const WRITE: FollFlags = FollFlags { write: true, ..FollFlags::GET };
    /// FOLL_GET | FOLL_WRITE | FOLL_FORCE.
    pub const FORCE: FollFlags = FollFlags { force: true, ..FollFlags::WRITE };
    /// FOLL_PIN.
    pub const PIN: FollFlags = FollFlags { pin: true, ..FollFlags::GET };
    /// FOLL_PIN | FOLL_LONGTERM.
    pub const LONGTERM: FollFlags = FollFlags { longterm: true, ..FollFlags::PIN };

    /// FOLL_GET | FOLL_HONOR_NUMA_FAULT: of who maps the page, as KVM does.
    pub const MAPPING: FollFlags = FollFlags { honor_numa_fault: true, ..FollFlags::GET };

    /// ... and FOLL_WRITE, or not.
    #[must_use]
    pub const fn writing(self, write: bool) -> FollFlags {
        FollFlags { write, ..self }
    }

    /// In four bits: write, pin, longterm, force.
    pub const fn bits(self) -> u8 {
        self.write as u8
            | (self.pin as u8) << 1
            | (self.longterm as u8) << 2
            | (self.force as u8) << 3
    }

    /// Back from the bits.
    pub const fn from_bits(bits: u8) -> FollFlags {
        FollFlags {
            write: bits & 1 != 0,
            pin: bits & 2 != 0,
            longterm: bits & 4 != 0,
            force: bits & 8 != 0,
            ..FollFlags::GET
        }
    }
}

/// A page that get_user_pages has found, and what keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserPage {
    /// Its frame.
    pub pfn: Pfn,
    /// The entry that maps it permits writes.
    pub writable: bool,
    /// How it was asked for: that is how it has to be given back.
    pub flags: FollFlags,
}
