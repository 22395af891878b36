//! `pgprot_t`: what the entries of a VMA permit (kernel-semantics sections 2.1 and 11.10).

use super::{Pfn, Pmd, Pte};

/// The protection of a VMA's entries (`vm_page_prot`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PgProt {
    /// The hardware may use the entry. Otherwise it is PROT_NONE: present for software only.
    pub accessible: bool,
    /// The entry permits writes without a fault.
    pub write: bool,
}

impl PgProt {
    /// PAGE_NONE.
    pub const NONE: PgProt = PgProt { accessible: false, write: false };

    /// `mk_pte`, and `pte_mkwrite` if `write`.
    pub fn mk_pte(self, pfn: Pfn, write: bool) -> Pte {
        let entry = Pte::present(pfn, write || self.write);
        if self.accessible { entry } else { entry.mkprotnone() }
    }

    /// `mk_huge_pmd`, and `pmd_mkwrite` if `write`.
    pub fn mk_huge_pmd(self, pfn: Pfn, write: bool) -> Pmd {
        let entry = Pmd::huge(pfn, write || self.write);
        if self.accessible { entry } else { entry.mkprotnone() }
    }

    /// `pte_modify`: what is known of the page stays, what is permitted is new.
    pub fn modify_pte(self, entry: Pte) -> Pte {
        match (self.accessible, self.write) {
            (false, _) => entry.mkprotnone(),
            (true, false) => entry.mkreadable(),
            (true, true) => entry.mkreadable().mkwrite(),
        }
    }

    /// `pmd_modify`.
    pub fn modify_pmd(self, entry: Pmd) -> Pmd {
        match (self.accessible, self.write) {
            (false, _) => entry.mkprotnone(),
            (true, false) => entry.mkreadable(),
            (true, true) => entry.mkreadable().mkwrite(),
        }
    }
}
