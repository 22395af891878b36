//! Bugs of copy-on-write: somebody writes to a page that somebody else has too.

use super::exhibit::{Exhibit, Origin};
use crate::mm::{FollFlags, Kernel, Pfn, Pmd, Vaddr, VmaId};
use crate::sync::Cpu;

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "thp-mapcount-not-atomic",
        about: "do_huge_pmd_wp_page() counts mappings while a split moves them from the huge page to its pages",
        origin: Origin {
            commit: "c444eb564fb1",
            cve: "CVE-2020-29368",
            versions: "v4.6 to v5.8-rc1",
        },
        oracle: "lost_write",
        preemptions: 2,
        without: &["huge_wp_by_refs"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "cow-can-break-either-way",
        about: "do_wp_page() reuses a page that nobody else maps, though somebody may hold it",
        origin: Origin {
            commit: "17839856fd58",
            cve: "CVE-2020-29374",
            versions: "ever to v5.8-rc1",
        },
        oracle: "held_page_written",
        without: &["wp_by_refs"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "huge-dirty-cow",
        about: "a read of a huge page makes it dirty, which a forced write takes for a proof that it was copied",
        origin: Origin {
            commit: "a8f97366452e",
            cve: "CVE-2017-1000405",
            versions: "v4.10-rc6 to v4.15-rc2",
        },
        oracle: "lost_write",
        patch: |s| {
            // v4.9 to v5.19: that a page is the mm's own is known by FOLL_COW and the dirty bit.
            s.gup.after_fault = remember_copy;
            s.gup.can_follow_write = copied_and_dirty;
            s.gup.touch_pmd = touch_pmd_dirty;
        },
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "dirty-cow",
        about: "a forced write forgets that it is one as soon as a page was copied for it",
        origin: Origin {
            commit: "19be0eaffa3a",
            cve: "CVE-2016-5195",
            versions: "v2.6.22 to v4.9-rc2",
        },
        oracle: "lost_write",
        patch: |s| s.gup.after_fault = forget_write,
        ..Exhibit::PLAIN
    },
];

/// VM_FAULT_WRITE: the fault has left an anonymous page, the copy.
fn has_copied(k: &Kernel, vma: VmaId, addr: Vaddr) -> bool {
    let found = k.peek_translation(k.vma(vma).spec().mm, addr);
    found.is_some_and(|(pfn, _)| k.folios.is_valid(pfn) && k.folio_of(pfn).is_anon())
}

/// `faultin_page()` before v4.9: the next look is one for reading, since the entry will never permit a write.
fn forget_write(k: &Kernel, vma: VmaId, addr: Vaddr, flags: &mut FollFlags) {
    if flags.force && !k.vma(vma).spec().write() && has_copied(k, vma, addr) {
        flags.write = false;
    }
}

/// `faultin_page()` from v4.9 on: FOLL_COW says that there was a copy.
fn remember_copy(k: &Kernel, vma: VmaId, addr: Vaddr, flags: &mut FollFlags) {
    flags.cow |= flags.force && !k.vma(vma).spec().write() && has_copied(k, vma, addr);
}

/// `can_follow_write_pte()` from v4.9 on: a copy that was thrown away would not be dirty.
fn copied_and_dirty(_: &Kernel, _: VmaId, flags: FollFlags, _: Pfn, dirty: bool) -> bool {
    flags.cow && dirty
}

/// `touch_pmd()` from v4.10 to v4.14: dirty, whoever touches it.
fn touch_pmd_dirty(cpu: &Cpu<'_>, k: &Kernel, vma: VmaId, addr: Vaddr, pmd: Pmd) {
    let haddr = Vaddr(addr.0 - addr.0 % k.hpn);
    k.pmdp_set_access_flags(cpu, k.vma(vma).spec().mm, haddr, pmd.mkyoung().mkdirty());
}
