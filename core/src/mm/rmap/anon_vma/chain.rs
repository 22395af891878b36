//! How VMAs and anon_vmas are linked, and unlinked (kernel-semantics section 2.3).

use crate::mm::interval_tree::VmaVec;
use crate::mm::kernel::Kernel;
use crate::mm::place::{func, ip};
use crate::mm::types::{AnonVmaId, VmaId};
use crate::mm::vma::{CHAIN_MAX, VmFlags};
use crate::sync::{Cpu, Rwsem};

impl Kernel {
    /// `anon_vma_prepare`: makes sure that the VMA has one. mmap_lock is held, for read at the least; the lock of the
    /// VMA alone will not do, since the neighbours are looked at. May sleep. `None`: no memory.
    pub fn anon_vma_prepare(&self, cpu: &Cpu<'_>, vma: VmaId) -> Option<AnonVmaId> {
        let _f = cpu.enter(func::anon_vma_prepare);
        let there = self.vma_anon_vma(cpu, vma);
        if there.is_some() {
            return there;
        }
        cpu.might_sleep();
        // anon_vma_chain_alloc()
        if self.should_fail_alloc(cpu) {
            return None;
        }
        let mut allocated = None;
        let anon_vma = match self.find_mergeable_anon_vma(cpu, vma) {
            Some(found) => found,
            None => {
                let new = self.anon_vma_alloc(cpu)?;
                // A root is its own child: so it is never reused by a VMA that is forked.
                self.anon_vma(new).add_children(1);
                *allocated.insert(new)
            }
        };
        let page_table_lock = &self.mm(self.vma(vma).spec().mm).page_table_lock;
        cpu.pass(ip::av1);
        self.anon_vma_rwsem(anon_vma).down_write(cpu);
        cpu.pass(ip::av2);
        // Against other threads with mmap_lock for read.
        page_table_lock.lock(cpu);
        let linked = (self.steps.vma.anon_vma_recheck)(cpu, self, vma, anon_vma);
        page_table_lock.unlock(cpu);
        cpu.pass(ip::av3);
        self.anon_vma_rwsem(anon_vma).up_write(cpu);
        if let Some(unused) = allocated.filter(|_| !linked) {
            self.put_anon_vma(cpu, unused);
        }
        self.peek_anon_vma(vma)
    }

    /// `find_mergeable_anon_vma`: that of a neighbour with which the VMA could be merged if an mprotect came.
    fn find_mergeable_anon_vma(&self, cpu: &Cpu<'_>, vma: VmaId) -> Option<AnonVmaId> {
        let spec = self.vma(vma).spec();
        let (prev, next) = self.vmas_around(spec.mm, spec.start, spec.end);
        let next = next.filter(|&next| self.anon_vma_compatible(vma, next));
        if let Some(found) = next.and_then(|next| self.reusable_anon_vma(cpu, next)) {
            return Some(found);
        }
        let prev = prev.filter(|&prev| self.anon_vma_compatible(prev, vma));
        prev.and_then(|prev| self.reusable_anon_vma(cpu, prev))
    }

    /// `anon_vma_compatible`: `b` goes on where `a` ends, but for what mprotect could change.
    fn anon_vma_compatible(&self, a: VmaId, b: VmaId) -> bool {
        let (a, b) = (self.vma(a).spec(), self.vma(b).spec());
        let access = VmFlags::READ.with(VmFlags::WRITE).with(VmFlags::EXEC);
        a.end == b.start
            && a.file == b.file
            && a.flags.without(access) == b.flags.without(access)
            && b.pgoff == a.pgoff + a.pages()
    }

    /// `reusable_anon_vma`: not that of a VMA which was forked: the page of one process would be found in another.
    fn reusable_anon_vma(&self, cpu: &Cpu<'_>, old: VmaId) -> Option<AnonVmaId> {
        let anon_vma = self.vma_anon_vma(cpu, old)?;
        self.vma(old).anon_vma_chain.is_singular().then_some(anon_vma)
    }

    /// `anon_vma_chain_link`. The root is locked for write. One step, in which the VMA appears in the tree.
    pub(super) fn anon_vma_chain_link(&self, cpu: &Cpu<'_>, vma: VmaId, anon_vma: AnonVmaId) {
        self.vma(vma).anon_vma_chain.push(anon_vma);
        self.anon_vma(anon_vma).tree.insert(cpu, vma);
    }

    /// `lock_anon_vma_root`: all anon_vmas of a chain have the same root, so it is locked once.
    pub(super) fn lock_anon_vma_root<'k>(
        &'k self,
        cpu: &Cpu<'_>,
        locked: &mut Option<&'k Rwsem>,
        anon_vma: AnonVmaId,
    ) {
        let rwsem = self.anon_vma_rwsem(anon_vma);
        match locked {
            Some(held) => {
                cpu.vm_bug_on(held.obj() != rwsem.obj(), "a chain of anon_vmas with two roots")
            }
            None => {
                rwsem.down_write(cpu);
                *locked = Some(rwsem);
            }
        }
    }

    /// `unlink_anon_vmas`: the VMA leaves all trees, no walk finds it any longer. Those that have found it are over,
    /// since they hold the root's lock. An anon_vma without VMAs goes.
    pub fn unlink_anon_vmas(&self, cpu: &Cpu<'_>, vma: VmaId) {
        let area = self.vma(vma);
        if area.anon_vma_chain.is_empty() {
            return;
        }
        let _f = cpu.enter(func::unlink_anon_vmas);
        let mut root = None;
        let mut empty = [AnonVmaId(0); CHAIN_MAX];
        let mut nr_empty = 0;
        for id in area.anon_vma_chain.iter() {
            (self.steps.vma.unlink_anon_vma_lock)(cpu, self, &mut root, id);
            let anon_vma = self.anon_vma(id);
            anon_vma.tree.remove(cpu, vma);
            area.anon_vma_chain.remove(id);
            if anon_vma.tree.peek() == 0 {
                self.anon_vma(anon_vma.parent()).add_children(-1);
                empty[nr_empty] = id;
                nr_empty += 1;
            }
        }
        if let Some(own) = self.peek_anon_vma(vma) {
            self.anon_vma(own).add_active_vmas(-1);
            // Whoever faults there again (after mremap) prepares another one.
            area.anon_vma.write_once(cpu, 0);
        }
        if let Some(root) = root {
            root.up_write(cpu);
        }
        // Not under the lock, for which the last put may wait.
        for &id in &empty[..nr_empty] {
            let anon_vma = self.anon_vma(id);
            cpu.vm_bug_on(anon_vma.num_children() != 0, "an anon_vma without VMAs has children");
            cpu.vm_bug_on(
                anon_vma.num_active_vmas() != 0,
                "an anon_vma without VMAs has active ones",
            );
            self.put_anon_vma(cpu, id);
        }
    }

    /// `anon_vma_merge`: `next` was merged into `vma`, which has all its anon_vmas.
    pub fn anon_vma_merge(&self, cpu: &Cpu<'_>, vma: VmaId, next: VmaId) {
        let same = self.peek_anon_vma(vma) == self.peek_anon_vma(next);
        cpu.vm_bug_on(!same, "two VMAs with different anon_vmas are merged");
        self.unlink_anon_vmas(cpu, next);
    }

    /// `anon_vma_interval_tree_post_update_vma`: the VMA has another range. Its root is locked for write.
    pub(in crate::mm) fn anon_vma_update(&self, vma: VmaId) {
        for id in self.vma(vma).anon_vma_chain.iter() {
            self.anon_vma(id).tree.reinsert(vma);
        }
    }

    /// The VMAs with an anonymous page of `[first, last]` (as `vm_pgoff` counts), in the order of the interval tree. The
    /// root's lock is held: no VMA can leave the tree, and so none can free its tables.
    pub fn anon_vma_vmas(
        &self,
        cpu: &Cpu<'_>,
        anon_vma: AnonVmaId,
        first: u32,
        last: u32,
    ) -> VmaVec {
        self.anon_vma(anon_vma).tree.read(cpu, &self.vmas, first, last)
    }
}

/// The part of `anon_vma_prepare` under both locks: `true` if the anon_vma has become the VMA's. Another thread may
/// have been faster.
pub(in crate::mm) fn install_if_missing(
    cpu: &Cpu<'_>,
    k: &Kernel,
    vma: VmaId,
    anon_vma: AnonVmaId,
) -> bool {
    k.vma_anon_vma(cpu, vma).is_none() && install(cpu, k, vma, anon_vma)
}

/// The same without the look.
pub(in crate::mm) fn install(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId, anon_vma: AnonVmaId) -> bool {
    k.vma(vma).anon_vma.write_once(cpu, u64::from(anon_vma.0) + 1);
    k.anon_vma_chain_link(cpu, vma, anon_vma);
    k.anon_vma(anon_vma).add_active_vmas(1);
    true
}

/// The lock of `unlink_anon_vmas`.
pub(in crate::mm) fn lock_root<'k>(
    cpu: &Cpu<'_>,
    k: &'k Kernel,
    root: &mut Option<&'k Rwsem>,
    id: AnonVmaId,
) {
    k.lock_anon_vma_root(cpu, root, id);
}
