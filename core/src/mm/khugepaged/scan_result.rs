//! The named reasons for giving up (`enum scan_result`), and what MADV_COLLAPSE makes of them
//! (kernel-semantics section 9.2).

macro_rules! scan_results {
    ($($(#[$doc:meta])* $name:ident = $text:literal $next:ident $errno:ident;)*) => {
        /// What a scan or a collapse came to.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum ScanResult { $($(#[$doc])* $name,)* }

        impl ScanResult {
            /// All of them, by number.
            pub const ALL: &'static [ScanResult] = &[$(ScanResult::$name,)*];

            /// Its name in the kernel.
            pub const fn name(self) -> &'static str {
                match self { $(ScanResult::$name => $text,)* }
            }

            /// Whether MADV_COLLAPSE goes on with the next range after it.
            pub const fn goes_on(self) -> bool {
                match self { $(ScanResult::$name => next::$next,)* }
            }

            /// What MADV_COLLAPSE returns if this is the last failure.
            pub const fn errno(self) -> Errno {
                match self { $(ScanResult::$name => Errno::$errno,)* }
            }
        }
    };
}

/// What MADV_COLLAPSE does after a range that failed.
#[expect(non_upper_case_globals, reason = "words of the table below")]
mod next {
    pub(super) const goes_on: bool = true;
    pub(super) const stops: bool = false;
}

/// What madvise(2) returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Errno {
    /// 0.
    Ok,
    /// EINVAL.
    Einval,
    /// EAGAIN: worth another try.
    Eagain,
    /// EBUSY.
    Ebusy,
    /// ENOMEM.
    Enomem,
    /// EEXIST: there is something already.
    Eexist,
    /// EFAULT: nothing is mapped there.
    Efault,
    /// EACCES: the file does not permit it.
    Eacces,
    /// ENOENT: not registered with the userfaultfd.
    Enoent,
    /// EINTR: a signal came.
    Eintr,
}

scan_results! {
    /// SCAN_FAIL: generic: a foreign page, a vanished table, a refused PMD, a dirty page of a regular file.
    Fail = "SCAN_FAIL" stops Einval;
    /// SCAN_SUCCEED: collapsed.
    Succeed = "SCAN_SUCCEED" goes_on Ok;
    /// SCAN_PMD_NULL: no table to look at.
    PmdNull = "SCAN_PMD_NULL" goes_on Einval;
    /// SCAN_PMD_NONE: the PMD entry is empty.
    PmdNone = "SCAN_PMD_NONE" stops Einval;
    /// SCAN_PMD_MAPPED: it is a huge PMD already.
    PmdMapped = "SCAN_PMD_MAPPED" goes_on Ok;
    /// SCAN_EXCEED_NONE_PTE: too many empty entries, or userfaultfd wants to hear of them.
    ExceedNonePte = "SCAN_EXCEED_NONE_PTE" stops Ebusy;
    /// SCAN_EXCEED_SWAP_PTE: too much is swapped out for khugepaged.
    ExceedSwapPte = "SCAN_EXCEED_SWAP_PTE" stops Einval;
    /// SCAN_EXCEED_SHARED_PTE: too many pages are shared for khugepaged.
    ExceedSharedPte = "SCAN_EXCEED_SHARED_PTE" stops Einval;
    /// SCAN_PTE_NON_PRESENT: an entry that is not present.
    PteNonPresent = "SCAN_PTE_NON_PRESENT" goes_on Einval;
    /// SCAN_PTE_UFFD_WP: userfaultfd protects the entry, or the VMA.
    PteUffdWp = "SCAN_PTE_UFFD_WP" goes_on Einval;
    /// SCAN_PTE_MAPPED_HUGEPAGE: the page cache holds the right huge page.
    PteMappedHugepage = "SCAN_PTE_MAPPED_HUGEPAGE" goes_on Einval;
    /// SCAN_PAGE_RO: no entry of the range is writable.
    PageRo = "SCAN_PAGE_RO" goes_on Einval;
    /// SCAN_LACK_REFERENCED_PAGE: nobody has used the range lately.
    LackReferencedPage = "SCAN_LACK_REFERENCED_PAGE" goes_on Einval;
    /// SCAN_PAGE_NULL: no page in the cache.
    PageNull = "SCAN_PAGE_NULL" goes_on Einval;
    /// SCAN_SCAN_ABORT: the pages are on nodes too far apart.
    ScanAbort = "SCAN_SCAN_ABORT" stops Einval;
    /// SCAN_PAGE_COUNT: somebody else holds a reference.
    PageCount = "SCAN_PAGE_COUNT" goes_on Eagain;
    /// SCAN_PAGE_LRU: a page that is not on the LRU.
    PageLru = "SCAN_PAGE_LRU" goes_on Eagain;
    /// SCAN_PAGE_LOCK: a page is locked.
    PageLock = "SCAN_PAGE_LOCK" goes_on Eagain;
    /// SCAN_PAGE_ANON: anonymous where it must not be, or not where it must.
    PageAnon = "SCAN_PAGE_ANON" stops Einval;
    /// SCAN_PAGE_COMPOUND: a folio of another order.
    PageCompound = "SCAN_PAGE_COMPOUND" goes_on Einval;
    /// SCAN_ANY_PROCESS: the mm is exiting.
    AnyProcess = "SCAN_ANY_PROCESS" stops Einval;
    /// SCAN_VMA_NULL: no VMA at the address.
    VmaNull = "SCAN_VMA_NULL" stops Einval;
    /// SCAN_VMA_CHECK: the VMA is not eligible, or does not cover the range.
    VmaCheck = "SCAN_VMA_CHECK" stops Einval;
    /// SCAN_ADDRESS_RANGE: alignment or range unsuitable.
    AddressRange = "SCAN_ADDRESS_RANGE" stops Einval;
    /// SCAN_DEL_PAGE_LRU: a page could not be isolated from the LRU.
    DelPageLru = "SCAN_DEL_PAGE_LRU" goes_on Eagain;
    /// SCAN_ALLOC_HUGE_PAGE_FAIL: no huge page to be had.
    AllocHugePageFail = "SCAN_ALLOC_HUGE_PAGE_FAIL" stops Enomem;
    /// SCAN_CGROUP_CHARGE_FAIL: the memory cgroup is full.
    CgroupChargeFail = "SCAN_CGROUP_CHARGE_FAIL" stops Ebusy;
    /// SCAN_TRUNCATED: the range was truncated, or is empty.
    Truncated = "SCAN_TRUNCATED" stops Einval;
    /// SCAN_PAGE_HAS_PRIVATE: buffers that cannot be released.
    PageHasPrivate = "SCAN_PAGE_HAS_PRIVATE" stops Einval;
    /// SCAN_STORE_FAILED: no memory for the page cache itself.
    StoreFailed = "SCAN_STORE_FAILED" stops Einval;
    /// SCAN_COPY_MC: the memory of an old page is broken.
    CopyMc = "SCAN_COPY_MC" stops Einval;
    /// SCAN_PAGE_FILLED: a hole was filled meanwhile.
    PageFilled = "SCAN_PAGE_FILLED" stops Eagain;
}

#[cfg(test)]
mod tests {
    use super::{Errno, ScanResult};

    fn named(is: impl Fn(ScanResult) -> bool) -> Vec<&'static str> {
        ScanResult::ALL.iter().filter(|&&result| is(result)).map(|result| result.name()).collect()
    }

    #[test]
    fn errno_tells_four_classes_apart() {
        assert_eq!(named(|r| r.errno() == Errno::Enomem), ["SCAN_ALLOC_HUGE_PAGE_FAIL"]);
        let busy = ["SCAN_EXCEED_NONE_PTE", "SCAN_CGROUP_CHARGE_FAIL"];
        assert_eq!(named(|r| r.errno() == Errno::Ebusy), busy);
        let again = ["PAGE_COUNT", "PAGE_LRU", "PAGE_LOCK", "DEL_PAGE_LRU", "PAGE_FILLED"];
        assert_eq!(named(|r| r.errno() == Errno::Eagain), again.map(|name| format!("SCAN_{name}")));
        assert_eq!(named(|r| r.errno() == Errno::Ok), ["SCAN_SUCCEED", "SCAN_PMD_MAPPED"]);
    }

    #[test]
    fn a_range_that_failed_for_good_ends_the_call() {
        let stops = named(|r| !r.goes_on());
        assert!(stops.contains(&"SCAN_FAIL") && stops.contains(&"SCAN_PAGE_FILLED"));
        assert!(!stops.contains(&"SCAN_PAGE_LOCK") && !stops.contains(&"SCAN_PTE_UFFD_WP"));
        assert_eq!((stops.len(), ScanResult::ALL.len()), (18, 32));
    }
}
