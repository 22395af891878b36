//! Page tables that MADV_DONTNEED frees (v6.14), and those who did not look out for that.

use super::exhibit::{Exhibit, Origin};
use crate::mm::steps::PtReclaimSteps;

/// The exhibits of this room.
pub(super) const ROOM: &[Exhibit] = &[
    Exhibit {
        name: "collapse-vs-pt-reclaim",
        about: "collapse_huge_page() looks at the PMD entry before it locks the VMA, and MADV_DONTNEED frees the table",
        origin: Origin { commit: "366a4532d96f", cve: "", versions: "v6.17-rc1 to v6.17-rc" },
        of_its_day: Some(PtReclaimSteps::enable),
        oracle: "bogus_table_entry",
        without: &["pt_collapse_recheck"],
        ..Exhibit::PLAIN
    },
    Exhibit {
        name: "retract-no-pmd-recheck",
        about: "retract_page_tables() takes it under pml that the table it has seen is still there",
        origin: Origin { commit: "", cve: "", versions: "latent, until v6.14 frees tables" },
        of_its_day: Some(PtReclaimSteps::enable),
        oracle: "bogus_table_entry",
        patch: |steps| steps.pt_reclaim.retract_check_pmd = |_, _| true,
        ..Exhibit::PLAIN
    },
];
