//! Stages 9 and 12: the huge page takes the place of the old ones, which go.

use super::run::CollapseFile;
use crate::mm::filemap::Slot;
use crate::mm::folio::{Mapping, flags};
use crate::mm::kernel::Kernel;
use crate::mm::place::ip;
use crate::sync::Cpu;

impl Kernel {
    /// Stores the huge page over the whole range, in one action: whoever looks afterwards finds it, locked. xa_lock is
    /// held, and dropped.
    pub(super) fn store_hpage(&self, cpu: &Cpu<'_>, c: &mut CollapseFile) {
        let (mapping, f) = (self.mapping(c.file), self.folio(c.hpage));
        (self.steps.file.mark_uptodate)(cpu, self, c);
        // The reference of the allocation becomes one of the cache's.
        self.folio_ref_add(cpu, c.hpage, i64::from(self.hpn) - 1);
        if !mapping.regular {
            f.flags.poke_bits(flags::DIRTY, 0);
        }
        self.folio_add_lru(cpu, c.hpage);
        for &old in &c.pagelist {
            cpu.debts.owe(self.folio(old).refcount.obj(), -1);
        }
        cpu.debts.owe(f.refcount.obj(), i64::from(self.hpn));
        mapping.store_multi(cpu, c.start, self.hpn, Slot::Folio(c.hpage));
        mapping.xa_lock.unlock(cpu);
        cpu.pass(ip::cf8);
    }
}

/// The old pages are nobody's any more: whoever waits for the lock of one finds no mapping, and asks again.
pub(in crate::mm) fn free_old_pages(cpu: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) {
    for &old in &c.pagelist {
        k.folio(old).set_mapping(cpu, Mapping::None);
        k.folio(old).flags.poke_bits(0, flags::DIRTY);
        (k.steps.file.unlock_old)(cpu, k, old);
        k.folio_put_refs(cpu, old, 3);
    }
}

/// `folio_mark_uptodate`, before the folio can be found.
pub fn mark_uptodate(_: &Cpu<'_>, k: &Kernel, c: &mut CollapseFile) {
    k.folio(c.hpage).flags.poke_bits(flags::UPTODATE, 0);
}
