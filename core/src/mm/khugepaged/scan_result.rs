//! The named reasons for giving up (`enum scan_result`), and what MADV_COLLAPSE makes of them
//! (kernel-semantics section 9.2).

/// What a scan or a collapse came to. Only those that this model can produce.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum ScanResult {
    /// SCAN_FAIL: generic; a foreign page, a vanished table, a refused PMD.
    Fail,
    /// SCAN_SUCCEED.
    Succeed,
    /// SCAN_PMD_NULL: no table to look at.
    PmdNull,
    /// SCAN_PMD_NONE.
    PmdNone,
    /// SCAN_PMD_MAPPED: it is a huge PMD already.
    PmdMapped,
    /// SCAN_PTE_NON_PRESENT.
    PteNonPresent,
    /// SCAN_PTE_MAPPED_HUGEPAGE: the page cache holds the right huge page.
    PteMappedHugepage,
    /// SCAN_PAGE_NULL: no page in the cache.
    PageNull,
    /// SCAN_PAGE_COMPOUND: a folio of another order.
    PageCompound,
    /// SCAN_VMA_NULL: no VMA at the address.
    VmaNull,
    /// SCAN_VMA_CHECK: the VMA is not eligible, or does not cover the range.
    VmaCheck,
    /// SCAN_ADDRESS_RANGE: alignment or range unsuitable.
    AddressRange,
}

/// What madvise(2) returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Errno {
    /// 0.
    Ok,
    /// EINVAL.
    Einval,
}

impl ScanResult {
    /// All of them, by number.
    pub const ALL: &'static [ScanResult] = &[
        ScanResult::Fail,
        ScanResult::Succeed,
        ScanResult::PmdNull,
        ScanResult::PmdNone,
        ScanResult::PmdMapped,
        ScanResult::PteNonPresent,
        ScanResult::PteMappedHugepage,
        ScanResult::PageNull,
        ScanResult::PageCompound,
        ScanResult::VmaNull,
        ScanResult::VmaCheck,
        ScanResult::AddressRange,
    ];

    /// Its name in the kernel.
    pub const fn name(self) -> &'static str {
        match self {
            ScanResult::Fail => "SCAN_FAIL",
            ScanResult::Succeed => "SCAN_SUCCEED",
            ScanResult::PmdNull => "SCAN_PMD_NULL",
            ScanResult::PmdNone => "SCAN_PMD_NONE",
            ScanResult::PmdMapped => "SCAN_PMD_MAPPED",
            ScanResult::PteNonPresent => "SCAN_PTE_NON_PRESENT",
            ScanResult::PteMappedHugepage => "SCAN_PTE_MAPPED_HUGEPAGE",
            ScanResult::PageNull => "SCAN_PAGE_NULL",
            ScanResult::PageCompound => "SCAN_PAGE_COMPOUND",
            ScanResult::VmaNull => "SCAN_VMA_NULL",
            ScanResult::VmaCheck => "SCAN_VMA_CHECK",
            ScanResult::AddressRange => "SCAN_ADDRESS_RANGE",
        }
    }

    /// Whether MADV_COLLAPSE goes on with the next range after it.
    pub const fn goes_on(self) -> bool {
        matches!(
            self,
            ScanResult::PmdNull
                | ScanResult::PteNonPresent
                | ScanResult::PageNull
                | ScanResult::PageCompound
        )
    }

    /// What MADV_COLLAPSE returns if this is the last failure.
    pub const fn errno(self) -> Errno {
        match self {
            ScanResult::Succeed | ScanResult::PmdMapped => Errno::Ok,
            _ => Errno::Einval,
        }
    }
}
