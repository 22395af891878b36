//! The bits of an entry, and where the number in it lies.
//!
//! The number is spread over both words of 32 bits: two entries whose numbers differ only in the lowest two bits have
//! equal low words. That is what a PAE machine needs to tear an entry, as two tables on both sides of 4 GiB do; on 64
//! bits nobody notices.

/// `_PAGE_PRESENT`: the hardware may use the entry.
pub(super) const PRESENT: u64 = 1 << 0;
/// `_PAGE_RW`.
pub(super) const RW: u64 = 1 << 1;
/// `_PAGE_USER`.
pub(super) const USER: u64 = 1 << 2;
/// `_PAGE_ACCESSED`.
pub(super) const ACCESSED: u64 = 1 << 5;
/// `_PAGE_DIRTY`.
pub(super) const DIRTY: u64 = 1 << 6;
/// `_PAGE_PSE`: the PMD entry maps a huge page.
pub(super) const PSE: u64 = 1 << 7;
/// `_PAGE_PROTNONE`: present for software, not for the hardware. Means so only while PRESENT is clear.
pub(super) const PROTNONE: u64 = 1 << 8;
/// `_PAGE_SPECIAL`: the zero page.
pub(super) const SPECIAL: u64 = 1 << 9;
/// `_PAGE_UFFD_WP`, and its place in entries that are not present.
pub(super) const UFFD_WP: u64 = 1 << 10;

// Entries that are not present carry their type in bits that the hardware ignores then. PSE and PROTNONE stay clear.

/// A swap entry.
pub(super) const SWAP: u64 = 1 << 1;
/// A migration entry.
pub(super) const MIGRATION: u64 = 1 << 2;
/// The page of a swap or migration entry is exclusive.
pub(super) const EXCLUSIVE: u64 = 1 << 3;
/// The entry that a migration entry stands for was writable.
pub(super) const WRITABLE: u64 = 1 << 4;
/// A hwpoison entry; a marker's poison.
pub(super) const HWPOISON: u64 = 1 << 9;
/// A marker.
pub(super) const MARKER: u64 = 1 << 11;

/// The number is that of a table.
const TABLE: u64 = 1 << 34;
const LOW_SHIFT: u32 = 12;
const HIGH_SHIFT: u32 = 32;

/// A number, in place.
#[inline]
pub(super) const fn frame(number: u32) -> u64 {
    ((number as u64) >> 2) << LOW_SHIFT | ((number as u64) & 3) << HIGH_SHIFT
}

/// The number of an entry.
#[inline]
pub(super) const fn number(entry: u64) -> u32 {
    ((entry >> LOW_SHIFT) as u32 & 0xf_ffff) << 2 | (entry >> HIGH_SHIFT) as u32 & 3
}

/// The number of a table, in place.
#[inline]
pub(super) const fn table(number: u32) -> u64 {
    frame(number) | TABLE
}

/// The number of the table that an entry names; `None`: no table has such a frame.
#[inline]
pub(super) const fn table_number(entry: u64) -> Option<u32> {
    if entry & TABLE == 0 { None } else { Some(number(entry)) }
}
