//! `vm_flags` (kernel-semantics section 2.1).

/// `vm_flags`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VmFlags(pub u32);

impl VmFlags {
    /// VM_SHARED.
    pub const SHARED: VmFlags = VmFlags(1 << 0);
    /// VM_READ.
    pub const READ: VmFlags = VmFlags(1 << 1);
    /// VM_WRITE.
    pub const WRITE: VmFlags = VmFlags(1 << 2);
    /// VM_EXEC.
    pub const EXEC: VmFlags = VmFlags(1 << 3);
    /// VM_HUGEPAGE: `madvise(MADV_HUGEPAGE)`.
    pub const HUGEPAGE: VmFlags = VmFlags(1 << 4);
    /// VM_NOHUGEPAGE: `madvise(MADV_NOHUGEPAGE)`.
    pub const NOHUGEPAGE: VmFlags = VmFlags(1 << 5);
    /// VM_LOCKED: `mlock`.
    pub const LOCKED: VmFlags = VmFlags(1 << 6);
    /// VM_DONTCOPY: `madvise(MADV_DONTFORK)`.
    pub const DONTCOPY: VmFlags = VmFlags(1 << 7);
    /// VM_WIPEONFORK: `madvise(MADV_WIPEONFORK)`.
    pub const WIPEONFORK: VmFlags = VmFlags(1 << 8);
    /// VM_UFFD_MISSING.
    pub const UFFD_MISSING: VmFlags = VmFlags(1 << 9);
    /// VM_UFFD_WP.
    pub const UFFD_WP: VmFlags = VmFlags(1 << 10);
    /// VM_UFFD_MINOR.
    pub const UFFD_MINOR: VmFlags = VmFlags(1 << 11);
    /// The three of userfaultfd.
    pub const UFFD: VmFlags = VmFlags(7 << 9);

    /// Whether any of `flags` is set.
    #[inline]
    pub const fn has(self, flags: VmFlags) -> bool {
        self.0 & flags.0 != 0
    }

    /// These and those.
    #[must_use]
    pub const fn with(self, flags: VmFlags) -> VmFlags {
        VmFlags(self.0 | flags.0)
    }

    /// These without those.
    #[must_use]
    pub const fn without(self, flags: VmFlags) -> VmFlags {
        VmFlags(self.0 & !flags.0)
    }
}
