//! The value of a PTE.

use super::bits::{
    ACCESSED, DIRTY, EXCLUSIVE, HWPOISON, MARKER, MIGRATION, PRESENT, PROTNONE, RW, SPECIAL, SWAP,
    UFFD_WP, USER, WRITABLE, frame, number,
};
use super::{Pfn, SwapId, ZERO_PFN};

/// The value of a PTE.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Pte(pub u64);

impl Pte {
    /// The empty entry.
    pub const NONE: Pte = Pte(0);
    /// The DIRTY bit, as the hardware sets it.
    pub const DIRTY_BIT: u64 = DIRTY;
    /// The ACCESSED bit, as the hardware sets it.
    pub const ACCESSED_BIT: u64 = ACCESSED;

    /// The permission to write.
    pub const WRITE_BIT: u64 = RW;

    /// A present user entry.
    pub fn present(pfn: Pfn, write: bool) -> Pte {
        Pte(frame(pfn.0) | PRESENT | USER | ACCESSED | if write { RW } else { 0 })
    }

    /// The read-only entry of the zero page, which no counter knows.
    pub fn zero_page() -> Pte {
        Pte(Pte::present(ZERO_PFN, false).0 | SPECIAL)
    }

    /// A swap entry.
    pub fn swap(slot: SwapId, exclusive: bool) -> Pte {
        Pte(frame(u32::from(slot.0)) | SWAP | if exclusive { EXCLUSIVE } else { 0 })
    }

    /// A migration entry: writable, or readable-exclusive or readable. A page of a file is never exclusive.
    pub fn migration(pfn: Pfn, write: bool, exclusive: bool) -> Pte {
        let kind = if write { WRITABLE } else { 0 } | if exclusive { EXCLUSIVE } else { 0 };
        Pte(frame(pfn.0) | MIGRATION | kind)
    }

    /// `make_hwpoison_entry`: the memory behind the page is broken.
    pub fn hwpoison(pfn: Pfn) -> Pte {
        Pte(frame(pfn.0) | HWPOISON)
    }

    /// `make_pte_marker(PTE_MARKER_UFFD_WP)`: nothing is mapped, but it is write-protected.
    pub const fn uffd_wp_marker() -> Pte {
        Pte(MARKER | UFFD_WP)
    }

    /// `make_pte_marker(PTE_MARKER_POISONED)`: nothing is mapped, and an access gets SIGBUS.
    pub const fn poisoned_marker() -> Pte {
        Pte(MARKER | HWPOISON)
    }

    /// `pte_none`.
    #[inline]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// `pte_present`: for software. PROT_NONE and NUMA-hinting entries are present, though the hardware faults on them.
    #[inline]
    pub fn is_present(self) -> bool {
        self.0 & (PRESENT | PROTNONE) != 0
    }

    /// `pte_user_accessible_page`: the hardware may use the entry.
    #[inline]
    pub fn is_user_accessible(self) -> bool {
        self.0 & (PRESENT | USER) == PRESENT | USER
    }

    /// `pte_access_permitted`: whether the hardware would let a user's access through.
    #[inline]
    pub fn access_permitted(self, write: bool) -> bool {
        self.is_user_accessible() && (self.is_write() || !write)
    }

    /// `pte_protnone`.
    #[inline]
    pub fn is_protnone(self) -> bool {
        self.0 & (PRESENT | PROTNONE) == PROTNONE
    }

    /// `is_swap_pte`: neither empty nor present. Swap, migration and hwpoison entries, and markers.
    #[inline]
    pub fn is_swap_pte(self) -> bool {
        !self.is_none() && !self.is_present()
    }

    /// `pte_write`.
    #[inline]
    pub fn is_write(self) -> bool {
        self.is_present() && self.0 & RW != 0
    }

    /// `pte_dirty`.
    #[inline]
    pub fn is_dirty(self) -> bool {
        self.is_present() && self.0 & DIRTY != 0
    }

    /// `pte_young`.
    #[inline]
    pub fn is_young(self) -> bool {
        self.is_present() && self.0 & ACCESSED != 0
    }

    /// `pte_special`: the zero page.
    #[inline]
    pub fn is_special(self) -> bool {
        self.is_present() && self.0 & SPECIAL != 0
    }

    /// `pte_uffd_wp`.
    #[inline]
    pub fn is_uffd_wp(self) -> bool {
        self.is_present() && self.0 & UFFD_WP != 0
    }

    /// `pte_swp_uffd_wp`: of an entry that is not present, and no marker.
    #[inline]
    pub fn is_swp_uffd_wp(self) -> bool {
        !self.is_present() && self.0 & (UFFD_WP | MARKER) == UFFD_WP
    }

    /// `is_pte_marker`.
    #[inline]
    pub fn is_marker(self) -> bool {
        !self.is_present() && self.0 & MARKER != 0
    }

    /// `pte_marker_uffd_wp`.
    #[inline]
    pub fn is_uffd_wp_marker(self) -> bool {
        self.is_marker() && self.0 & UFFD_WP != 0
    }

    /// `is_poisoned_swp_entry`: a marker of UFFDIO_POISON.
    #[inline]
    pub fn is_poisoned_marker(self) -> bool {
        self.is_marker() && self.0 & HWPOISON != 0
    }

    /// `is_hwpoison_entry`.
    #[inline]
    pub fn is_hwpoison(self) -> bool {
        !self.is_present() && self.0 & (HWPOISON | MARKER) == HWPOISON
    }

    /// Whether it is a swap entry, and of which slot.
    #[inline]
    pub fn swap_slot(self) -> Option<SwapId> {
        (!self.is_present() && self.0 & SWAP != 0).then_some(SwapId(number(self.0) as u16))
    }

    /// `is_migration_entry`.
    #[inline]
    pub fn is_migration(self) -> bool {
        !self.is_present() && self.0 & MIGRATION != 0
    }

    /// Whether a swap or migration entry stands for an exclusive page.
    #[inline]
    pub fn is_exclusive_entry(self) -> bool {
        !self.is_present() && self.0 & EXCLUSIVE != 0
    }

    /// `is_writable_migration_entry`.
    #[inline]
    pub fn is_writable_migration(self) -> bool {
        self.is_migration() && self.0 & WRITABLE != 0
    }

    /// `is_migration_entry_young`.
    #[inline]
    pub fn is_migration_young(self) -> bool {
        self.is_migration() && self.0 & ACCESSED != 0
    }

    /// `is_migration_entry_dirty`.
    #[inline]
    pub fn is_migration_dirty(self) -> bool {
        self.is_migration() && self.0 & DIRTY != 0
    }

    /// `pte_pfn`: the frame bits, without a look at the type.
    #[inline]
    pub fn pfn(self) -> Pfn {
        Pfn(number(self.0))
    }

    /// `pte_mkwrite`.
    #[must_use]
    pub fn mkwrite(self) -> Pte {
        Pte(self.0 | RW)
    }

    /// `pte_wrprotect`.
    #[must_use]
    pub fn wrprotect(self) -> Pte {
        Pte(self.0 & !RW)
    }

    /// `pte_mkdirty`; `make_migration_entry_dirty`.
    #[must_use]
    pub fn mkdirty(self) -> Pte {
        Pte(self.0 | DIRTY)
    }

    /// `pte_mkclean`.
    #[must_use]
    pub fn mkclean(self) -> Pte {
        Pte(self.0 & !DIRTY)
    }

    /// `pte_mkyoung`; `make_migration_entry_young`.
    #[must_use]
    pub fn mkyoung(self) -> Pte {
        Pte(self.0 | ACCESSED)
    }

    /// `pte_mkold`.
    #[must_use]
    pub fn mkold(self) -> Pte {
        Pte(self.0 & !ACCESSED)
    }

    /// `pte_mkuffd_wp`, which write-protects too; `pte_swp_mkuffd_wp`.
    #[must_use]
    pub fn mkuffd_wp(self) -> Pte {
        let entry = if self.is_present() { self.wrprotect() } else { self };
        Pte(entry.0 | UFFD_WP)
    }

    /// `pte_clear_uffd_wp`; `pte_swp_clear_uffd_wp`.
    #[must_use]
    pub fn clear_uffd_wp(self) -> Pte {
        Pte(self.0 & !UFFD_WP)
    }

    /// `pte_modify(pte, PAGE_NONE)`: the hardware faults on it. What else is known of the page stays.
    #[must_use]
    pub fn mkprotnone(self) -> Pte {
        Pte(self.0 & !(PRESENT | USER | RW) | PROTNONE)
    }

    /// `pte_modify(pte, newprot)` to a protection that permits reads: back from PROT_NONE, and not writable.
    #[must_use]
    pub fn mkreadable(self) -> Pte {
        Pte(self.0 & !(PROTNONE | RW) | PRESENT | USER)
    }

    /// `make_readable_exclusive_migration_entry` (of anonymous memory), or `make_readable_migration_entry`: of a writable
    /// entry, no longer writable.
    #[must_use]
    pub fn mkmigration_protected(self, anon: bool) -> Pte {
        Pte(self.0 & !WRITABLE | if anon { EXCLUSIVE } else { 0 })
    }

    /// `make_readable_migration_entry` and its relatives: the same entry, no longer writable or exclusive.
    #[must_use]
    pub fn mkmigration_readable(self) -> Pte {
        Pte(self.0 & !(WRITABLE | EXCLUSIVE))
    }

    /// `pte_swp_clear_exclusive`.
    #[must_use]
    pub fn swp_clear_exclusive(self) -> Pte {
        Pte(self.0 & !EXCLUSIVE)
    }
}
