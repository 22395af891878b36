//! What a real kernel does, one operation after the other, with page tables of 512 entries: the kernel's own selftest of
//! khugepaged (kernel-semantics section 14.1), and the rows of a table that was measured on v6.6 and v6.12.
//!
//! Compared are the error that a program gets, the counters of `/proc/PID/status`, the huge pages of smaps, the entries, and
//! mincore.

mod khugepaged;
mod khugepaged_shared;
mod madv_collapse_anon;
mod madv_collapse_file;
mod others;
mod program;
mod sources;
