//! The value of a PMD entry.

use super::bits::{
    ACCESSED, DIRTY, EXCLUSIVE, MIGRATION, PRESENT, PROTNONE, PSE, RW, UFFD_WP, USER, WRITABLE,
    frame, number, table, table_number,
};
use super::{Pfn, Pte, TableId};

/// The flags of every entry that links a table.
const TABLE_FLAGS: u64 = PRESENT | RW | USER | ACCESSED | DIRTY;

/// The value of a PMD entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Pmd(pub u64);

impl Pmd {
    /// The empty entry.
    pub const NONE: Pmd = Pmd(0);
    /// The permission to write.
    pub const WRITE_BIT: u64 = RW;
    /// The ACCESSED bit, as the hardware sets it.
    pub const ACCESSED_BIT: u64 = ACCESSED;

    /// An entry that links a PTE table. All of them carry the same flags.
    pub fn table(id: TableId) -> Pmd {
        Pmd(table(u32::from(id.0)) | TABLE_FLAGS)
    }

    /// `mk_huge_pmd`: an entry that maps a huge page.
    pub fn huge(pfn: Pfn, write: bool) -> Pmd {
        Pmd(Pte::present(pfn, write).0 | PSE)
    }

    /// A migration entry of a huge page: writable, readable-exclusive or readable. 64 bits only.
    pub fn migration(pfn: Pfn, write: bool, exclusive: bool) -> Pmd {
        let kind = if write { WRITABLE } else { 0 } | if exclusive { EXCLUSIVE } else { 0 };
        Pmd(frame(pfn.0) | MIGRATION | kind)
    }

    /// `pmd_none`: the low word only, since a PAE machine clears the high one later.
    #[inline]
    pub fn is_none(self) -> bool {
        self.0 as u32 == 0
    }

    /// `pmd_present`: for software. Stays true in the middle of a split, when the hardware sees nothing.
    #[inline]
    pub fn is_present(self) -> bool {
        self.0 & (PRESENT | PROTNONE | PSE) != 0
    }

    /// `pmd_trans_huge`.
    #[inline]
    pub fn is_trans_huge(self) -> bool {
        self.0 & PSE != 0
    }

    /// Whether it links a table.
    #[inline]
    pub fn is_table(self) -> bool {
        self.0 & (PRESENT | PSE) == PRESENT
    }

    /// `pmd_bad`: neither empty nor a leaf nor not present, and without the flags of an entry that links a table.
    #[inline]
    pub fn is_bad(self) -> bool {
        let flags = self.0 & 0xfff;
        self.is_present() && !self.is_trans_huge() && flags != TABLE_FLAGS
    }

    /// `is_swap_pmd`: neither empty nor present.
    #[inline]
    pub fn is_swap_pmd(self) -> bool {
        !self.is_none() && !self.is_present()
    }

    /// `is_pmd_migration_entry`.
    #[inline]
    pub fn is_migration(self) -> bool {
        self.is_swap_pmd() && self.0 & MIGRATION != 0
    }

    /// `pmd_user_accessible_page`: a huge page that the hardware may use.
    #[inline]
    pub fn is_user_accessible(self) -> bool {
        self.0 & (PSE | PRESENT | USER) == PSE | PRESENT | USER
    }

    /// `pmd_access_permitted`: whether the hardware would let a user's access through.
    #[inline]
    pub fn access_permitted(self, write: bool) -> bool {
        self.is_user_accessible() && (self.is_write() || !write)
    }

    /// `pmd_protnone`.
    #[inline]
    pub fn is_protnone(self) -> bool {
        self.0 & (PRESENT | PROTNONE) == PROTNONE
    }

    /// `pmd_write`.
    #[inline]
    pub fn is_write(self) -> bool {
        self.is_present() && self.0 & RW != 0
    }

    /// `pmd_dirty`.
    #[inline]
    pub fn is_dirty(self) -> bool {
        self.is_present() && self.0 & DIRTY != 0
    }

    /// `pmd_young`.
    #[inline]
    pub fn is_young(self) -> bool {
        self.is_present() && self.0 & ACCESSED != 0
    }

    /// `pmd_uffd_wp`.
    #[inline]
    pub fn is_uffd_wp(self) -> bool {
        self.is_present() && self.0 & UFFD_WP != 0
    }

    /// `pmd_swp_uffd_wp`.
    #[inline]
    pub fn is_swp_uffd_wp(self) -> bool {
        self.is_swap_pmd() && self.0 & UFFD_WP != 0
    }

    /// `is_writable_migration_entry`.
    #[inline]
    pub fn is_writable_migration(self) -> bool {
        self.is_migration() && self.0 & WRITABLE != 0
    }

    /// Whether a migration entry stands for an exclusive page: writable or readable-exclusive.
    #[inline]
    pub fn is_exclusive_migration(self) -> bool {
        self.is_migration() && self.0 & (WRITABLE | EXCLUSIVE) != 0
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

    /// `pmd_pgtable`: the frame bits read as a table, without a look at the type. `None`: no such table.
    #[inline]
    pub fn pgtable(self) -> Option<TableId> {
        table_number(self.0).and_then(|id| u16::try_from(id).ok()).map(TableId)
    }

    /// `pmd_pfn`: the frame bits read as a page.
    #[inline]
    pub fn pfn(self) -> Pfn {
        Pfn(number(self.0))
    }

    /// `pmd_mkinvalid`: still huge and present for software, no longer there for the hardware.
    #[must_use]
    pub fn mkinvalid(self) -> Pmd {
        Pmd(self.0 & !(PRESENT | PROTNONE))
    }

    /// `pmd_mkwrite`.
    #[must_use]
    pub fn mkwrite(self) -> Pmd {
        Pmd(self.0 | RW)
    }

    /// `pmd_wrprotect`.
    #[must_use]
    pub fn wrprotect(self) -> Pmd {
        Pmd(self.0 & !RW)
    }

    /// `pmd_mkdirty`; `make_migration_entry_dirty`.
    #[must_use]
    pub fn mkdirty(self) -> Pmd {
        Pmd(self.0 | DIRTY)
    }

    /// `pmd_mkclean`.
    #[must_use]
    pub fn mkclean(self) -> Pmd {
        Pmd(self.0 & !DIRTY)
    }

    /// `pmd_mkyoung`; `make_migration_entry_young`.
    #[must_use]
    pub fn mkyoung(self) -> Pmd {
        Pmd(self.0 | ACCESSED)
    }

    /// `pmd_mkold`.
    #[must_use]
    pub fn mkold(self) -> Pmd {
        Pmd(self.0 & !ACCESSED)
    }

    /// `pmd_mkuffd_wp`, which write-protects too; `pmd_swp_mkuffd_wp`.
    #[must_use]
    pub fn mkuffd_wp(self) -> Pmd {
        let entry = if self.is_present() { self.wrprotect() } else { self };
        Pmd(entry.0 | UFFD_WP)
    }

    /// `pmd_clear_uffd_wp`; `pmd_swp_clear_uffd_wp`.
    #[must_use]
    pub fn clear_uffd_wp(self) -> Pmd {
        Pmd(self.0 & !UFFD_WP)
    }

    /// `pmd_modify(pmd, PAGE_NONE)`: the hardware faults on it.
    #[must_use]
    pub fn mkprotnone(self) -> Pmd {
        Pmd(self.0 & !(PRESENT | USER | RW) | PROTNONE)
    }

    /// `pmd_modify(pmd, newprot)` to a protection that permits reads: back from PROT_NONE, and not writable.
    #[must_use]
    pub fn mkreadable(self) -> Pmd {
        Pmd(self.0 & !(PROTNONE | RW) | PRESENT | USER)
    }

    /// `make_readable_exclusive_migration_entry` (of anonymous memory), or `make_readable_migration_entry`: of a writable
    /// entry, no longer writable.
    #[must_use]
    pub fn mkmigration_protected(self, anon: bool) -> Pmd {
        Pmd(self.0 & !WRITABLE | if anon { EXCLUSIVE } else { 0 })
    }

    /// `make_readable_migration_entry`: the same entry, no longer writable or exclusive.
    #[must_use]
    pub fn mkmigration_readable(self) -> Pmd {
        Pmd(self.0 & !(WRITABLE | EXCLUSIVE))
    }
}
