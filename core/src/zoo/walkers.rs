//! Bugs of those who only look.

use super::exhibit::{Exhibit, Origin};

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[Exhibit {
    name: "scan-file-folio-unreferenced",
    about: "a scan of the page cache reads what only a large folio has, of one that it has no reference of",
    origin: Origin { commit: "595cf683519a", cve: "", versions: "v6.10 to v6.16-rc1" },
    oracle: "vm_bug_on",
    without: &["scan_page_mapcount"],
    ..Exhibit::PLAIN
}];
