//! mmap_lock, taken and dropped for write the way that keeps the VMAs' own locks right (`include/linux/mmap_lock.h`,
//! kernel-semantics section 1.2). For read it is a plain rwsem.

use super::kernel::Kernel;
use super::types::MmId;
use crate::sync::Cpu;

impl Kernel {
    /// `mmap_write_lock`. May sleep.
    pub fn mmap_write_lock(&self, cpu: &Cpu<'_>, mm: MmId) {
        self.mm(mm).mmap_lock.down_write(cpu);
    }

    /// `mmap_write_trylock`.
    pub fn mmap_write_trylock(&self, cpu: &Cpu<'_>, mm: MmId) -> bool {
        self.mm(mm).mmap_lock.down_write_trylock(cpu)
    }

    /// `mmap_write_unlock`: faults may lock the VMAs for read again, then mmap_lock is free.
    pub fn mmap_write_unlock(&self, cpu: &Cpu<'_>, mm: MmId) {
        self.vma_end_write_all(cpu, mm);
        self.mm(mm).mmap_lock.up_write(cpu);
    }

    /// `mmap_write_downgrade`: the same for the VMAs; the writer goes on as a reader.
    pub fn mmap_write_downgrade(&self, cpu: &Cpu<'_>, mm: MmId) {
        self.vma_end_write_all(cpu, mm);
        self.mm(mm).mmap_lock.downgrade_write(cpu);
    }

    /// `mmap_read_lock`. May sleep.
    pub fn mmap_read_lock(&self, cpu: &Cpu<'_>, mm: MmId) {
        self.mm(mm).mmap_lock.down_read(cpu);
    }

    /// `mmap_read_trylock`.
    pub fn mmap_read_trylock(&self, cpu: &Cpu<'_>, mm: MmId) -> bool {
        self.mm(mm).mmap_lock.down_read_trylock(cpu)
    }

    /// `mmap_read_unlock`.
    pub fn mmap_read_unlock(&self, cpu: &Cpu<'_>, mm: MmId) {
        self.mm(mm).mmap_lock.up_read(cpu);
    }

    /// `mmap_assert_write_locked`.
    pub fn mmap_assert_write_locked(&self, cpu: &Cpu<'_>, mm: MmId) {
        self.mm(mm).mmap_lock.assert_held_write(cpu);
    }
}
