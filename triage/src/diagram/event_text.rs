//! The text of an event: one thing that one CPU did, in the kernel's words.

use std::io::{self, Write};

use racewalk::{Event, LockMode, Outcome, Splat, What, object_name, place_name, value_name};
use serde_json::{Value, json};

/// Writes every event of a run, one a line.
pub(crate) fn write_events(outcome: &Outcome, hpn: u32, out: &mut impl Write) -> io::Result<()> {
    let mut depth = [0_usize; 8];
    for event in events(outcome) {
        let depth = &mut depth[usize::from(event.cpu) % 8];
        if event.what == What::Leave {
            *depth = depth.saturating_sub(1);
            continue;
        }
        let text = text(event, hpn);
        writeln!(
            out,
            "cpu{} {:>5}  {:indent$}{text}",
            event.cpu,
            event.step,
            "",
            indent = *depth * 2
        )?;
        *depth += usize::from(matches!(event.what, What::Enter(_)));
    }
    Ok(())
}

/// Every event of a run.
pub(crate) fn events_json(outcome: &Outcome, hpn: u32) -> Value {
    let object = |event: &Event| json!({ "cpu": event.cpu, "step": event.step, "place": place_name(event.place), "what": text(event, hpn) });
    events(outcome).iter().map(object).collect()
}

fn events(outcome: &Outcome) -> &[Event] {
    outcome.trace.as_ref().map_or(&[], |trace| trace.events())
}

/// An event in full.
pub(crate) fn text(event: &Event, hpn: u32) -> String {
    let name = |obj| object_name(obj, hpn);
    match event.what {
        What::Enter(place) => format!("{}()", place_name(place)),
        What::Leave => "return".to_owned(),
        What::Pass(place) => format!("{}:", place_name(place)),
        What::OpBegin(op) => format!("begin op {op}"),
        What::OpEnd(u16::MAX) => "end of an operation of the set-up".to_owned(),
        What::OpEnd(op) => format!("end op {op}"),
        What::Load { obj, value } => {
            format!("READ_ONCE({}) == {}", name(obj), value_name(obj, value, hpn))
        }
        What::Store { obj, old, value } => {
            let value = value_name(obj, value, hpn);
            format!("WRITE_ONCE({}, {value}), was {}", name(obj), value_name(obj, old, hpn))
        }
        What::Rmw { obj, old, value } => {
            format!(
                "xchg({}): {} -> {}",
                name(obj),
                value_name(obj, old, hpn),
                value_name(obj, value, hpn)
            )
        }
        What::Lock { obj, mode: LockMode::Exclusive } => format!("lock({})", name(obj)),
        What::Lock { obj, mode: LockMode::Read } => format!("down_read({})", name(obj)),
        What::Lock { obj, mode: LockMode::Write } => format!("down_write({})", name(obj)),
        What::Unlock { obj } => format!("unlock({})", name(obj)),
        What::Wait { obj } => format!("waits for {}", name(obj)),
        What::Alloc(obj) => format!("alloc {}", name(obj)),
        What::Free(obj) => format!("free {}", name(obj)),
        What::Unlink { table, pmd } => format!("unlink {} from {}", name(table), name(pmd)),
        What::Link { table, pmd } => format!("link {} from {}", name(table), name(pmd)),
        What::Downgrade { mm, start, pages } => format!("downgrade m{mm} pages {start}+{pages}"),
        What::Establish { mm, start, pfn, pages } => {
            format!("establish m{mm} pages {start}+{pages} -> pfn {pfn}")
        }
        What::Notifier { mm, start, pages, open } => {
            format!(
                "invalidate_range_{}(m{mm}, pages {start}+{pages})",
                if open { "start" } else { "end" }
            )
        }
        What::UserLoad { mm, page, value } => format!("load from m{mm} page {page}: {value:#x}"),
        What::UserStore { mm, page, value } => format!("store to m{mm} page {page}: {value:#x}"),
        What::UffdStore { mm, page, value } => format!("fill m{mm} page {page}: {value:#x}"),
        What::FileStore { file, index, value } => {
            format!("write() to f{file} page {index}: {value:#x}")
        }
        What::Uffd { mm, page, pages, fact } => {
            format!("userfaultfd: m{mm} pages {page}+{pages}: {fact:?}")
        }
        What::HoleFilled { file, index } => format!("hole {index} of f{file} is filled"),
        What::Flush { target, mm } => format!("flush the TLB of cpu{target} for m{mm}"),
        What::CollapseResult { mm, haddr, install, result } => {
            format!("collapse of m{mm} page {haddr} (install {install}) returns {result}")
        }
        What::Retracted { file, index } => {
            format!("page tables over page {index} of f{file} are retracted")
        }
        What::CollapseCall { mm, start, end } => {
            format!("MADV_COLLAPSE of m{mm} pages {start} to {end}")
        }
        What::CollapseReturn { mm, start, end, success } => {
            let how = if success { "0" } else { "an error" };
            format!("MADV_COLLAPSE of m{mm} pages {start} to {end} returns {how}")
        }
        What::Counted { mm, start, pages, resident } => {
            format!("counts {resident} resident pages in m{mm} pages {start}+{pages}")
        }
        What::NotUptodate { file, index } => {
            format!("takes page {index} of f{file} for missing: its folio is not up to date")
        }
        What::GupGrab { mm, page, pfn, flags } => {
            format!("grab pfn {pfn} for m{mm} page {page}{}", foll_flags(flags))
        }
        What::GupDone { mm, page, pfn, flags } => {
            format!("get_user_pages() returns pfn {pfn} for m{mm} page {page}{}", foll_flags(flags))
        }
        What::GupPut { pfn } => format!("put user page pfn {pfn}"),
        What::Fork { parent, child, done } => {
            format!(
                "fork of m{parent}: {}",
                if done { format!("m{child} is born") } else { format!("m{child} is a copy") }
            )
        }
        What::Dontneed { mm, start, pages } => {
            format!("m{mm} pages {start} to {} are not needed any longer", start + pages)
        }
        What::MoveBegin { mm, from, to, pages } => {
            format!("{pages} pages of m{mm} move from page {from} to page {to}")
        }
        What::MoveEnd { moved: true } => "moved".to_owned(),
        What::MoveEnd { moved: false } => "not moved".to_owned(),
        What::Splat(splat) => splat_text(splat, hpn),
    }
}

/// FOLL_*, as the trace packs them.
fn foll_flags(flags: u8) -> String {
    let names = [(1, ", write"), (2, ", pin"), (4, ", longterm")];
    names.into_iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| name).collect()
}

fn splat_text(splat: Splat, hpn: u32) -> String {
    let name = |obj| object_name(obj, hpn);
    match splat {
        Splat::VmBug(condition) => format!("VM_BUG_ON({condition})"),
        Splat::PageTableCheck(what) => format!("page_table_check: {what}"),
        Splat::LockOrder { held, taken } => {
            format!("lock order: {} inside {}", name(taken), name(held))
        }
        Splat::SleepInAtomic { held } => {
            format!("sleeping function called with {} held", name(held))
        }
        Splat::NotHeld(lock) => format!("{} is not held", name(lock)),
        Splat::NotOwner(lock) => format!("{} is held by somebody else, or by nobody", name(lock)),
        Splat::TableUseAfterFree(table) => format!("{} is used after it was freed", name(table)),
        Splat::WriteToDetachedTable(table) => {
            format!("an entry is written to {}, which is not linked", name(table))
        }
        Splat::TableLinkage(table) => format!("{} is linked more or less than once", name(table)),
        Splat::BogusTable(table) => format!("{} does not exist", name(table)),
        Splat::TornEntry(entry) => format!("{} never had that value", name(entry)),
        Splat::Negative(counter) => format!("{} goes below zero", name(counter)),
        Splat::FolioFreedInUse(folio) => format!("{} is freed while it is in use", name(folio)),
        Splat::FolioUseAfterFree(obj)
        | Splat::VmaUseAfterFree(obj)
        | Splat::AnonVmaUseAfterFree(obj) => format!("{} is used after it was freed", name(obj)),
        Splat::Held(lock) => format!("{} is held where it must not be", name(lock)),
        Splat::CheckerFalseAlarm(what) => format!("page_table_check, without a reason: {what}"),
        Splat::MigrationEntryUnlocked(folio) => {
            format!("a migration entry names {}, which is not locked", name(folio))
        }
        Splat::CheckMm(counter) => format!("check_mm: {} is not zero", name(counter)),
    }
}
