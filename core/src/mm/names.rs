//! The names of objects and values, as traces, verdicts and reports write them.

use super::class::{Class, class_name};
use super::folio::small_folios;
use super::kernel::{FILE_UNITS_MAX, UNITS_MAX};
use super::types::{Pfn, Pmd, Pte, Rss};
use crate::sync::Obj;

/// The name of an object: `pt7[3]`, `m0 pmd[1]`, `folio130`, `m0 mmap_lock`.
pub fn object_name(obj: Obj, hpn: u32) -> String {
    let (n, name) = (obj.index(), class_name(obj));
    let class = |class: Class| class.has(obj);
    if class(Class::Pte) {
        format!("pt{}[{}]", n / hpn, n % hpn)
    } else if class(Class::Pmd) {
        format!("m{} pmd[{}]", n / UNITS_MAX as u32, n % UNITS_MAX as u32)
    } else if class(Class::Table) {
        format!("pt{n}")
    } else if class(Class::Ptl) {
        format!("pt{n} ptl")
    } else if class(Class::Rss) {
        format!("m{} {}", n / 4, Rss::NAMES[n as usize % 4])
    } else if [
        Class::MmapLock,
        Class::Pml,
        Class::PageTableLock,
        Class::NrPtes,
        Class::VmaTree,
        Class::MmUsers,
        Class::MmCount,
        Class::MmFlags,
    ]
    .into_iter()
    .any(class)
    {
        format!("m{n} {name}")
    } else if [Class::InodeRwsem, Class::IMmapRwsem, Class::XaLock, Class::ISize, Class::IMmap]
        .into_iter()
        .any(class)
    {
        format!("f{n} {name}")
    } else if [
        Class::Refcount,
        Class::EntireMapcount,
        Class::NrPagesMapped,
        Class::FolioFlags,
        Class::Mapping,
        Class::Ptc,
    ]
    .into_iter()
    .any(class)
    {
        format!("folio{n} {name}")
    } else if class(Class::FolioLock) {
        format!("folio{n} lock")
    } else if [Class::Mapcount, Class::Content, Class::PtcAnon, Class::PtcFile]
        .into_iter()
        .any(class)
    {
        format!("page{n} {name}")
    } else if class(Class::Cache) {
        let pages = hpn * FILE_UNITS_MAX as u32;
        format!("f{} i_pages[{}]", n / pages, n % pages)
    } else if [
        Class::AnonVmaPtr,
        Class::Vma,
        Class::VmaRange,
        Class::VmFlags,
        Class::VmLock,
        Class::VmLockSeq,
    ]
    .into_iter()
    .any(class)
    {
        if class(Class::VmLockSeq) && n >= 256 {
            format!("m{} mm_lock_seq", n - 256)
        } else {
            format!("v{} {name}", n % 256)
        }
    } else if class(Class::Tlb) {
        match n {
            512.. => format!("cpu{} is_lazy", n - 512),
            256.. => format!("m{} cpumask", n - 256),
            _ => format!("cpu{n} tlb"),
        }
    } else {
        format!("{name}{n}")
    }
}

/// The value of an object in words: an entry by what it maps, everything else as a number.
pub fn value_name(obj: Obj, value: u64, hpn: u32) -> String {
    if Class::Pte.has(obj) {
        pte_name(Pte(value), hpn)
    } else if Class::Pmd.has(obj) {
        pmd_name(Pmd(value), hpn)
    } else if value > u64::MAX / 2 {
        (value as i64).to_string()
    } else {
        value.to_string()
    }
}

fn page_name(pfn: Pfn, hpn: u32) -> String {
    let small = small_folios(hpn);
    match pfn.0 {
        1 => "zero page".to_owned(),
        n if n < small => format!("folio{n}"),
        n => format!("folio{}+{}", n - (n - small) % hpn, (n - small) % hpn),
    }
}

fn folio_name(pmd: Pmd, hpn: u32) -> String {
    page_name(pmd.pfn(), hpn).trim_end_matches("+0").to_owned()
}

fn rights(write: bool, protnone: bool) -> &'static str {
    match (write, protnone) {
        (_, true) => " protnone",
        (true, _) => " rw",
        _ => "",
    }
}

fn uffd_wp(is: bool) -> &'static str {
    if is { " uffd-wp" } else { "" }
}

fn pte_name(pte: Pte, hpn: u32) -> String {
    if pte.is_none() {
        "none".to_owned()
    } else if let Some(slot) = pte.swap_slot() {
        format!("swap {}{}", slot.0, uffd_wp(pte.is_swp_uffd_wp()))
    } else if pte.is_migration() {
        format!("migration {}{}", page_name(pte.pfn(), hpn), uffd_wp(pte.is_swp_uffd_wp()))
    } else if pte.is_marker() {
        let kind = if pte.is_poisoned_marker() { "poisoned" } else { "uffd-wp" };
        format!("marker {kind}")
    } else if pte.is_hwpoison() {
        format!("hwpoison {}", page_name(pte.pfn(), hpn))
    } else if !pte.is_present() {
        "torn".to_owned()
    } else {
        let rights = rights(pte.is_write(), pte.is_protnone());
        format!("{}{rights}{}", page_name(pte.pfn(), hpn), uffd_wp(pte.is_uffd_wp()))
    }
}

fn pmd_name(pmd: Pmd, hpn: u32) -> String {
    if pmd.is_none() {
        "none".to_owned()
    } else if pmd.is_migration() {
        format!("migration huge {}{}", folio_name(pmd, hpn), uffd_wp(pmd.is_swp_uffd_wp()))
    } else if pmd.is_trans_huge() {
        let split = if pmd.is_protnone() || pmd.is_user_accessible() { "" } else { " invalid" };
        let rights = rights(pmd.is_write(), pmd.is_protnone());
        format!("huge {}{rights}{split}{}", folio_name(pmd, hpn), uffd_wp(pmd.is_uffd_wp()))
    } else if pmd.is_bad() {
        "bad".to_owned()
    } else {
        pmd.pgtable().map_or_else(|| "?".to_owned(), |table| format!("pt{}", table.0))
    }
}
