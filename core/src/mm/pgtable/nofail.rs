//! `pte_offset_map` that cannot fail: see `steps/nofail.rs`.

use crate::mm::class::Class;
use crate::mm::kernel::Kernel;
use crate::mm::types::Pmd;
use crate::sync::{Cpu, Splat, Word};

/// The entry is read once more, by the map itself, and whatever it is then is taken for a table.
pub(in crate::mm) fn read_again(cpu: &Cpu<'_>, k: &Kernel, pmdp: &Word, _: Pmd) -> Option<Pmd> {
    let pmd = k.pmdp_get_to_walk(cpu, pmdp);
    if pmd.is_table() {
        return Some(pmd);
    }
    // It would go on with what it takes for the frame of a table.
    cpu.splat(Splat::BogusTable(Class::Table.obj(0)));
    None
}
