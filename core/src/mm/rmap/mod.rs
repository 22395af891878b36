//! rmap: from a page to the entries that map it, and the counters that must agree with them
//! (kernel-semantics sections 2.3, 4.4, 5).

mod anon_vma;
mod counters;
#[cfg(test)]
mod tests;
mod unmap;
mod walk;

pub(super) use anon_vma::AnonVma;
