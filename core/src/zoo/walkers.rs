//! Bugs of those who only look.

use super::exhibit::{Exhibit, Origin};
use crate::mm::{Kernel, MmId, Vaddr};
use crate::sync::Cpu;

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "pmd-bad-read-mode",
        about: "a walk looks twice what a PMD entry is, and takes a huge page that came in between for a bad table",
        origin: Origin {
            commit: "1a5a9906d4e8",
            cve: "CVE-2012-1179",
            versions: "v2.6.38 to v3.4-rc1",
        },
        oracle: "bogus_table_entry",
        patch: |s| s.huge.walk_hole = pmd_none_or_clear_bad,
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "scan-file-folio-unreferenced",
        about: "a scan of the page cache reads what only a large folio has, of one that it has no reference of",
        origin: Origin { commit: "595cf683519a", cve: "", versions: "v6.10 to v6.16-rc1" },
        oracle: "vm_bug_on",
        without: &["scan_page_mapcount"],
        ..Exhibit::PLAIN
    },
];

/// `pmd_trans_huge()`, and then `pmd_none_or_clear_bad()`: the second one knows tables only, and clears what is none.
fn pmd_none_or_clear_bad(cpu: &Cpu<'_>, k: &Kernel, mm: MmId, addr: Vaddr) -> bool {
    let first = k.pmdp_get_lockless(cpu, mm, addr);
    if first.is_trans_huge() || first.is_swap_pmd() {
        return false;
    }
    let second = k.pmdp_get_lockless(cpu, mm, addr);
    let bad = !second.is_none() && !second.is_table();
    if bad {
        k.pmd_clear_bad(cpu, k.pmdp(mm, addr));
    }
    bad || second.is_none()
}
