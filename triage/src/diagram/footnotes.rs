//! The footnotes: what each CPU did last to the objects that are wrong, and where it was noticed.

use racewalk::{Class, Obj, Violation, place_name};

use super::select::Row;

/// Marks rows and says of each what it is.
pub(super) fn mark(rows: &mut [Row], violation: &Violation) -> Vec<String> {
    let mut marked: Vec<usize> = Vec::new();
    // In the function that is to blame, the first change of what another CPU changed too, or the first change at all;
    // on the other CPUs, the last one.
    let to_blame = |row: &Row| {
        is_related(row, violation)
            && row.cpu == violation.cpu
            && place_name(row.function) == violation.function
    };
    let raced =
        |row: &Row| rows.iter().any(|other| other.cpu != row.cpu && other.changed == row.changed);
    let blamed = rows
        .iter()
        .position(|row| to_blame(row) && raced(row))
        .or_else(|| rows.iter().position(to_blame));
    marked.extend(blamed);
    for cpu in (0..8).filter(|&cpu| blamed.is_none() || cpu != violation.cpu) {
        marked.extend(rows.iter().rposition(|row| row.cpu == cpu && is_related(row, violation)));
    }
    marked.sort_unstable();
    let mut notes = Vec::new();
    for at in marked.into_iter().take(4) {
        notes.push(describe(&mut rows[at], notes.len() + 1));
    }
    if let Some(row) = rows.iter_mut().rev().find(|row| row.text.starts_with("^^^")) {
        let number = notes.len() + 1;
        row.note = Some(number);
        notes.push(format!("[{number}] noticed here: {}", violation.detail));
    }
    notes
}

fn describe(row: &mut Row, number: usize) -> String {
    row.note = Some(number);
    let label = match place_name(row.place) {
        place if place == place_name(row.function) || place == "nowhere" => String::new(),
        place => format!(" at {place}"),
    };
    format!("[{number}] cpu{} in {}{label}", row.cpu, place_name(row.function))
}

/// Whether the row changed what is wrong, or an entry by which it is counted.
fn is_related(row: &Row, violation: &Violation) -> bool {
    let Some(changed) = row.changed else { return false };
    violation.objects.iter().any(|&named| named == changed || counts(named, changed, &row.text))
}

/// Whether a change of an entry changes what `named` counts.
pub(crate) fn counts(named: Obj, changed: Obj, text: &str) -> bool {
    let entry = Class::Pte.has(changed) || Class::Pmd.has(changed);
    let of_folio = [Class::Ptc, Class::Refcount, Class::EntireMapcount, Class::Folio]
        .iter()
        .any(|class| class.has(named));
    let of_mm = [Class::Rss, Class::NrPtes, Class::Mapcount, Class::SwapCount]
        .iter()
        .any(|class| class.has(named));
    let table = Class::Table.has(named) && text.starts_with(&format!("pt{}[", named.index()));
    entry && (of_mm || table || (of_folio && text.contains(&format!("folio{}", named.index()))))
}
