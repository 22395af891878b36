//! The tunables of sysfs and the mount option of shmem, as a run is configured (kernel-semantics sections 2.2 and 9.1).

use super::kernel::Kernel;

/// `transparent_hugepage/enabled`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ThpEnabled {
    /// VMAs with VM_HUGEPAGE.
    #[default]
    Madvise,
    /// All VMAs.
    Always,
    /// None.
    Never,
}

impl ThpEnabled {
    /// All values, the default first.
    pub const ALL: [ThpEnabled; 3] = [ThpEnabled::Madvise, ThpEnabled::Always, ThpEnabled::Never];
}

/// Which files of shmem may have huge pages: `sbinfo->huge`, or what `transparent_hugepage/shmem_enabled` overrides it
/// with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ShmemHuge {
    /// In VMAs with VM_HUGEPAGE.
    #[default]
    Advise,
    /// Everywhere.
    Always,
    /// Where the huge page ends before the end of the file.
    WithinSize,
    /// Nowhere.
    Never,
    /// `shmem_enabled`: nowhere, whoever asks.
    Deny,
    /// `shmem_enabled`: everywhere, whatever the mount option.
    Force,
}

impl ShmemHuge {
    /// All values, the default first.
    pub const ALL: [ShmemHuge; 6] = [
        ShmemHuge::Advise,
        ShmemHuge::Always,
        ShmemHuge::WithinSize,
        ShmemHuge::Never,
        ShmemHuge::Deny,
        ShmemHuge::Force,
    ];
}

/// A `khugepaged/max_ptes_*`, relative to the size of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MaxPtes {
    /// What the kernel starts with.
    #[default]
    Default,
    /// None.
    Zero,
    /// Half of a table.
    Half,
    /// All but one: the most that sysfs takes.
    All,
}

impl MaxPtes {
    /// All values, the default first.
    pub const ALL: [MaxPtes; 4] = [MaxPtes::Default, MaxPtes::Zero, MaxPtes::Half, MaxPtes::All];

    /// In entries of a table of `hpn`.
    const fn entries(self, hpn: u32, default: u32) -> u32 {
        match self {
            MaxPtes::Default => default,
            MaxPtes::Zero => 0,
            MaxPtes::Half => hpn / 2,
            MaxPtes::All => hpn - 1,
        }
    }
}

impl Kernel {
    /// `khugepaged_max_ptes_none`: entries without a page that khugepaged may fill.
    pub fn khugepaged_max_ptes_none(&self) -> u32 {
        self.config.max_ptes_none.entries(self.hpn, self.hpn - 1)
    }

    /// `khugepaged_max_ptes_swap`: entries that khugepaged may swap in.
    pub fn khugepaged_max_ptes_swap(&self) -> u32 {
        self.config.max_ptes_swap.entries(self.hpn, self.hpn / 8)
    }

    /// `khugepaged_max_ptes_shared`: pages mapped by others too that khugepaged may copy.
    pub fn khugepaged_max_ptes_shared(&self) -> u32 {
        self.config.max_ptes_shared.entries(self.hpn, self.hpn / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::MaxPtes;
    use crate::mm::steps::Steps;
    use crate::mm::{Config, Kernel};

    #[test]
    fn limits_are_relative_to_the_table() {
        let limits = |hpn, max| {
            let config = Config {
                max_ptes_none: max,
                max_ptes_swap: max,
                max_ptes_shared: max,
                ..Config::default()
            };
            let kernel = Kernel::new(hpn, config, Steps::V66);
            [
                kernel.khugepaged_max_ptes_none(),
                kernel.khugepaged_max_ptes_swap(),
                kernel.khugepaged_max_ptes_shared(),
            ]
        };
        assert_eq!(limits(512, MaxPtes::Default), [511, 64, 256]);
        assert_eq!(limits(8, MaxPtes::Default), [7, 1, 4]);
        assert_eq!(limits(4, MaxPtes::Default), [3, 0, 2]);
        assert_eq!(limits(8, MaxPtes::Zero), [0; 3]);
        assert_eq!(limits(8, MaxPtes::Half), [4; 3]);
        assert_eq!(limits(8, MaxPtes::All), [7; 3]);
    }
}
