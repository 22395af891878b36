//! The axes: the configuration of the machine, each axis with the values that it can have.

/// An axis.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Its name in `set NAME=VALUE`.
    pub name: &'static str,
    /// Its values, the default first.
    pub values: &'static [&'static str],
    /// What it is about, in a line.
    pub about: &'static str,
}

macro_rules! axes {
    ($($(#[$doc:meta])* $id:ident = $name:literal [$($value:literal),*] $about:literal;)*) => {
        #[derive(Clone, Copy)]
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "the numbers of the constants below")]
        enum Number { $($id,)* }

        impl Axes {
            $($(#[$doc])* pub const $id: usize = Number::$id as usize;)*
        }

        /// All axes, in the order of their numbers.
        pub const AXES: &[Axis] = &[$(Axis { name: $name, values: &[$($value),*], about: $about },)*];
    };
}

axes! {
    /// How wide a PMD entry is.
    WIDTH = "width" ["x64", "pae"] "entries of 64 bits in one load, or in two words";
    /// Which page-table locks there are.
    PTLOCK = "ptlock" ["split", "none"] "a lock for each page table, or one for all";
    /// CONFIG_MMU_GATHER_RCU_TABLE_FREE.
    RCU_TABLE_FREE = "rcu_table_free" ["on", "off"] "whether page tables are freed by RCU";
    /// CONFIG_PER_VMA_LOCK.
    PER_VMA_LOCK = "per_vma_lock" ["on", "off"] "whether user faults try the lock of the vma first";
    /// CONFIG_PAGE_TABLE_CHECK.
    PAGE_TABLE_CHECK = "page_table_check" ["on", "off"] "whether page_table_check watches the entries";
    /// `fault_around_bytes`.
    FAULT_AROUND = "fault_around" ["on", "off"] "whether read faults of files map the pages around too";
    /// The order in which the allocator gives out what was freed.
    REUSE = "reuse" ["off", "on"] "whether what was freed last is allocated first";
    /// SWP_SYNCHRONOUS_IO.
    SYNC_SWAP = "sync_swap" ["off", "on"] "whether swap-in may go past the swap cache";
    /// `transparent_hugepage/enabled`.
    THP = "thp" ["madvise", "always", "never"] "which vmas may have huge pages";
    /// The mount option `huge=` of shmem, and `transparent_hugepage/shmem_enabled`.
    SHMEM = "shmem" ["advise", "always", "within_size", "never", "deny", "force"] "which files of shared memory may have huge pages";
    /// `transparent_hugepage/use_zero_page`.
    USE_ZERO_PAGE = "use_zero_page" ["off", "on"] "whether read faults of anonymous memory map the huge zero page";
    /// `khugepaged/max_ptes_none`.
    MAX_PTES_NONE = "max_ptes_none" ["default", "0", "half", "all"] "holes that khugepaged fills (by default all but one)";
    /// `khugepaged/max_ptes_swap`.
    MAX_PTES_SWAP = "max_ptes_swap" ["default", "0", "half", "all"] "pages that khugepaged swaps in (by default an eighth)";
    /// `khugepaged/max_ptes_shared`.
    MAX_PTES_SHARED = "max_ptes_shared" ["default", "0", "half", "all"] "shared pages that khugepaged copies (by default half)";
}

/// Axes that the byte form has room for.
pub const AXES_MAX: usize = 16;
const _: () = assert!(AXES.len() <= AXES_MAX);

/// The most values of an axis.
pub(super) const AXIS_VALUES_MAX: usize = {
    let (mut most, mut axis) = (0, 0);
    while axis < AXES.len() {
        if AXES[axis].values.len() > most {
            most = AXES[axis].values.len();
        }
        axis += 1;
    }
    most
};

/// The machine's configuration: the number of a value for each axis.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Axes([u8; AXES_MAX]);

impl Axes {
    /// The number of an axis' value; 0 is the default.
    #[inline]
    pub fn get(&self, axis: usize) -> usize {
        self.0.get(axis).map_or(0, |&value| usize::from(value))
    }

    /// Sets an axis to the value of that number, or to its default if there is none.
    pub fn set(&mut self, axis: usize, value: usize) {
        if let (Some(slot), Some(known)) = (self.0.get_mut(axis), AXES.get(axis)) {
            *slot = if value < known.values.len() { value as u8 } else { 0 };
        }
    }

    /// Whether an axis has its default, which for a switch that is on by default means on.
    #[inline]
    pub fn is_default(&self, axis: usize) -> bool {
        self.get(axis) == 0
    }

    /// The word of an axis' value.
    pub fn word(&self, axis: usize) -> &'static str {
        AXES.get(axis).and_then(|known| known.values.get(self.get(axis))).copied().unwrap_or("?")
    }

    /// These axes, but with some set to what a list says.
    #[must_use]
    pub fn with(mut self, settings: &[(usize, usize)]) -> Axes {
        settings.iter().for_each(|&(axis, value)| self.set(axis, value));
        self
    }
}
