//! What a real kernel does, one operation after the other, with page tables of 512 entries: the kernel's own selftest of
//! khugepaged (kernel-semantics section 14.1), the rows of a table that was measured on v6.6 and v6.12, and some of the other
//! selftests of mm (section 14.2). `sources` says which test is which row, and fails if one is missing.
//!
//! Compared are the error that a program gets, the counters of `/proc/PID/status`, the huge pages of smaps, the entries, and
//! mincore.

mod khugepaged;
mod khugepaged_file;
mod khugepaged_shared;
mod madv_collapse_anon;
mod madv_collapse_file;
mod others;
mod program;
mod sources;
