//! mremap.c: a range of an address space moves, with whatever is mapped there (kernel-semantics section 11.8).
//!
//! `to.rs` is the system call, `copy_vma.rs` makes the VMA at the new address, `page_tables.rs` decides how each piece
//! moves: a whole table (`pmd.rs`), a huge page (`move_huge_pmd`, in `huge_memory`), or entry by entry (`ptes.rs`).
//! mmap_lock and the old VMA are locked for write. Walks of rmap, which hold neither, must find each page at the old or at
//! the new address: they look at the old VMA first, or else are kept out by the rmap locks (`locks.rs`).

mod copy_vma;
pub(super) mod locks;
mod page_tables;
pub(super) mod pmd;
mod ptes;
#[cfg(test)]
mod tests;
pub(super) mod to;
