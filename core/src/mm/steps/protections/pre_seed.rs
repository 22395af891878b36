//! What a collapse relied on before the patch: locks that kept everybody out (kernel-semantics section 6).

use super::{PRE_SEED, Protection};
use crate::mm::steps::table::skip;

protections! {
    pre_seed_start_write PRE_SEED "the VMA is locked for write: no fault without mmap_lock comes here" |s| s.pre_seed_start_write = |_, _, _| {};
    i_mmap_lock PRE_SEED "i_mmap is held for write: no truncate walks this table" |s| { s.i_mmap_lock = skip; s.i_mmap_unlock = skip; };
    anon_vma_lock PRE_SEED "anon_vma is held for write: no rmap walk comes here" |s| { s.anon_vma_lock = skip; s.anon_vma_unlock = skip; };
    table_sync PRE_SEED "walkers with interrupts off are waited for" |s| s.table_sync = skip;
}
