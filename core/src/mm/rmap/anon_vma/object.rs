//! The anon_vma and its arena: type-stable memory (SLAB_TYPESAFE_BY_RCU).

use std::sync::atomic::{AtomicU32, Ordering};

use crate::mm::class::Class;
use crate::mm::interval_tree::IntervalTree;
use crate::mm::kernel::Kernel;
use crate::mm::rank;
use crate::mm::types::{AnonVmaId, VmaId};
use crate::sync::{Cpu, Obj, Rwsem, Splat, What, Word};

/// anon_vmas of a machine: one for each VMA, and as many roots that outlive theirs.
const ANON_VMAS_MAX: usize = 64;

/// An anon_vma.
#[derive(Debug)]
pub struct AnonVma {
    /// The rwsem. Only that of a root is taken.
    pub rwsem: Rwsem,
    /// `root`: its number. Stays after the free: who finds the memory by a page may still read it.
    pub root: Word,
    /// `refcount`: its own reference, one for each descendant of a root, one for whoever sleeps on its lock.
    pub refcount: Word,
    /// `rb_root`: the VMAs that may have pages of it.
    pub tree: IntervalTree,
    /// `parent`. Under the root's lock for write, like the two counts.
    parent: AtomicU32,
    num_children: AtomicU32,
    num_active_vmas: AtomicU32,
    /// How often the slot was freed.
    pub generation: AtomicU32,
    allocated: AtomicU32,
}

impl AnonVma {
    fn new(id: u32) -> AnonVma {
        AnonVma {
            rwsem: Rwsem::new(Class::AnonVmaRwsem.obj(id), rank::ANON_VMA_RWSEM),
            root: Word::new(Class::AnonVma.obj(id), u64::from(id)),
            refcount: Word::new(Class::AnonVmaRefcount.obj(id), 0),
            tree: IntervalTree::new(Class::AnonVmaChain.obj(256 + id)),
            parent: AtomicU32::new(id),
            num_children: AtomicU32::new(0),
            num_active_vmas: AtomicU32::new(0),
            generation: AtomicU32::new(0),
            allocated: AtomicU32::new(0),
        }
    }

    /// What the anon_vma is known as.
    pub fn obj(&self) -> Obj {
        self.root.obj()
    }

    /// Whether the slot holds an anon_vma.
    pub fn is_allocated(&self) -> bool {
        self.allocated.load(Ordering::SeqCst) != 0
    }

    /// `parent`; a root is its own.
    pub fn parent(&self) -> AnonVmaId {
        AnonVmaId(self.parent.load(Ordering::SeqCst) as u8)
    }

    pub(super) fn set_parent(&self, parent: AnonVmaId) {
        self.parent.store(u32::from(parent.0), Ordering::SeqCst);
    }

    /// `num_children`: anon_vmas whose parent it is; a root counts itself.
    pub fn num_children(&self) -> u32 {
        self.num_children.load(Ordering::SeqCst)
    }

    pub(super) fn add_children(&self, delta: i32) {
        self.num_children.fetch_add(delta as u32, Ordering::SeqCst);
    }

    /// `num_active_vmas`: VMAs whose `anon_vma` it is.
    pub fn num_active_vmas(&self) -> u32 {
        self.num_active_vmas.load(Ordering::SeqCst)
    }

    pub(super) fn add_active_vmas(&self, delta: i32) {
        self.num_active_vmas.fetch_add(delta as u32, Ordering::SeqCst);
    }
}

/// The anon_vmas of a machine.
#[derive(Debug)]
pub struct AnonVmas {
    slots: Vec<AnonVma>,
    next: AtomicU32,
    /// The slot that was freed last, + 1.
    freed: AtomicU32,
    /// Gives out the slot that was freed last (`Config::reuse`).
    lifo: bool,
}

impl AnonVmas {
    pub(in crate::mm) fn new() -> AnonVmas {
        AnonVmas {
            slots: (0..ANON_VMAS_MAX as u32).map(AnonVma::new).collect(),
            next: AtomicU32::new(0),
            freed: AtomicU32::new(0),
            lifo: false,
        }
    }

    pub(in crate::mm) fn reset(&mut self, lifo: bool) {
        let touched = (*self.next.get_mut() as usize).min(ANON_VMAS_MAX);
        for (id, slot) in (0..).zip(&mut self.slots[..touched]) {
            slot.rwsem.reset();
            slot.root.poke(id);
            slot.refcount.poke(0);
            slot.tree.reset();
            *slot.generation.get_mut() = 0;
            *slot.allocated.get_mut() = 0;
        }
        *self.next.get_mut() = 0;
        *self.freed.get_mut() = 0;
        self.lifo = lifo;
    }

    /// One anon_vma.
    pub fn get(&self, id: AnonVmaId) -> &AnonVma {
        &self.slots[id.idx() % ANON_VMAS_MAX]
    }

    /// The anon_vmas that there are.
    pub fn iter(&self) -> impl Iterator<Item = (AnonVmaId, &AnonVma)> {
        let touched = (self.next.load(Ordering::Relaxed) as usize).min(ANON_VMAS_MAX);
        let ids = (0..touched as u8).map(AnonVmaId);
        ids.zip(&self.slots).filter(|(_, anon_vma)| anon_vma.is_allocated())
    }

    fn take(&self) -> Option<AnonVmaId> {
        let free = |&id: &usize| {
            let allocated = &self.slots[id].allocated;
            allocated.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        };
        let last = self.freed.swap(0, Ordering::SeqCst).checked_sub(1).filter(|_| self.lifo);
        let last = last.map(|id| id as usize).filter(free);
        let next = || self.next.fetch_add(1, Ordering::SeqCst) as usize % ANON_VMAS_MAX;
        let id = last.or_else(|| (0..ANON_VMAS_MAX).map(|_| next()).find(free))?;
        Some(AnonVmaId(id as u8))
    }
}

impl Kernel {
    /// The anon_vma.
    #[inline]
    pub fn anon_vma(&self, id: AnonVmaId) -> &AnonVma {
        self.anon_vmas.get(id)
    }

    /// Its root, without a step: it does not change while the anon_vma lives.
    pub fn anon_vma_root(&self, id: AnonVmaId) -> AnonVmaId {
        AnonVmaId(self.anon_vma(id).root.peek() as u8)
    }

    /// The rwsem that protects it: the root's.
    pub fn anon_vma_rwsem(&self, id: AnonVmaId) -> &Rwsem {
        &self.anon_vma(self.anon_vma_root(id)).rwsem
    }

    /// `anon_vma_alloc`: a root of its own, that nobody knows yet. `None`: no memory. Not a step, but for whoever still
    /// looks at what the memory was before.
    pub(super) fn anon_vma_alloc(&self, cpu: &Cpu<'_>) -> Option<AnonVmaId> {
        if self.should_fail_alloc(cpu) {
            return None;
        }
        let id = self.anon_vmas.take()?;
        let anon_vma = self.anon_vma(id);
        anon_vma.root.poke(u64::from(id.0));
        anon_vma.refcount.poke(1);
        anon_vma.set_parent(id);
        anon_vma.num_children.store(0, Ordering::SeqCst);
        anon_vma.num_active_vmas.store(0, Ordering::SeqCst);
        Some(id)
    }

    /// `get_anon_vma`.
    pub fn get_anon_vma(&self, cpu: &Cpu<'_>, id: AnonVmaId) {
        self.anon_vma(id).refcount.add_return(cpu, 1);
    }

    /// `put_anon_vma`. May sleep.
    pub fn put_anon_vma(&self, cpu: &Cpu<'_>, id: AnonVmaId) {
        if self.anon_vma_put_refcount(cpu, id) {
            self.__put_anon_vma(cpu, id);
        }
    }

    /// Gives one reference back. `true`: it was the last one.
    pub(super) fn anon_vma_put_refcount(&self, cpu: &Cpu<'_>, id: AnonVmaId) -> bool {
        let refcount = &self.anon_vma(id).refcount;
        let left = refcount.add_return(cpu, -1);
        if left < 0 {
            cpu.splat(Splat::Negative(refcount.obj()));
        }
        left == 0
    }

    /// `__put_anon_vma`: without references; its root may be without them now, too.
    pub(super) fn __put_anon_vma(&self, cpu: &Cpu<'_>, id: AnonVmaId) {
        let root = self.anon_vma_root(id);
        self.anon_vma_free(cpu, id);
        if root != id && self.anon_vma_put_refcount(cpu, root) {
            self.anon_vma_free(cpu, root);
        }
    }

    /// `anon_vma_free`: waits for whoever has taken the lock by way of a page that was mapped then, see
    /// `folio_lock_anon_vma_read`. May sleep.
    fn anon_vma_free(&self, cpu: &Cpu<'_>, id: AnonVmaId) {
        cpu.might_sleep();
        cpu.step(0, 0);
        let rwsem = self.anon_vma_rwsem(id);
        if rwsem.is_locked() {
            rwsem.down_write(cpu);
            rwsem.up_write(cpu);
        }
        let anon_vma = self.anon_vma(id);
        if !anon_vma.is_allocated() || anon_vma.tree.peek() != 0 {
            cpu.splat(Splat::AnonVmaUseAfterFree(anon_vma.obj()));
        }
        anon_vma.generation.fetch_add(1, Ordering::SeqCst);
        anon_vma.allocated.store(0, Ordering::SeqCst);
        self.anon_vmas.freed.store(u32::from(id.0) + 1, Ordering::SeqCst);
        cpu.note(What::Free(anon_vma.obj()));
    }

    /// `vma->anon_vma`. One step: whoever holds no lock against `anon_vma_prepare` reads it racily.
    pub fn vma_anon_vma(&self, cpu: &Cpu<'_>, vma: VmaId) -> Option<AnonVmaId> {
        let word = self.vma(vma).anon_vma.read_once(cpu);
        word.checked_sub(1).map(|id| AnonVmaId(id as u8))
    }

    /// The same without a step, for who holds such a lock.
    pub fn peek_anon_vma(&self, vma: VmaId) -> Option<AnonVmaId> {
        self.vma(vma).anon_vma.peek().checked_sub(1).map(|id| AnonVmaId(id as u8))
    }
}
