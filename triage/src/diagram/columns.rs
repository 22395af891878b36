//! The columns: rows of several CPUs beside each other, as kernel commit messages draw them.

use std::fmt;

use super::select::Row;

/// The widest a column gets. A longer line reaches into the next column, which is empty beside it.
const WIDTH_MAX: usize = 36;
const GAP: usize = 2;

/// Writes the head, the initial state and the rows.
pub(super) fn write(
    f: &mut fmt::Formatter<'_>,
    cpus: usize,
    start: &[String],
    rows: &[Row],
) -> fmt::Result {
    let texts: Vec<String> = rows.iter().map(text).collect();
    let widths: Vec<usize> = (0..cpus.max(1))
        .map(|cpu| {
            let mine = rows.iter().zip(&texts).filter(|(row, _)| usize::from(row.cpu) == cpu);
            mine.map(|(_, text)| text.chars().count() + GAP).max().unwrap_or(0).clamp(12, WIDTH_MAX)
        })
        .collect();
    let heads: String = widths
        .iter()
        .enumerate()
        .map(|(cpu, &width)| format!("{:width$}", format!("CPU{cpu}")))
        .collect();
    let rules: String = widths.iter().map(|&width| format!("{:width$}", "----")).collect();
    writeln!(f, "\t{}\n\t{}", heads.trim_end(), rules.trim_end())?;
    if !start.is_empty() {
        for line in wrap(&format!("{{ {} }}", start.join(", ")), 72).lines() {
            writeln!(f, "\t{line}")?;
        }
        writeln!(f)?;
    }
    for (row, text) in rows.iter().zip(&texts) {
        let left: usize = widths[..usize::from(row.cpu).min(widths.len())].iter().sum();
        writeln!(f, "\t{:left$}{text}", "")?;
    }
    Ok(())
}

fn text(row: &Row) -> String {
    let note = row.note.map(|note| format!("  [{note}]")).unwrap_or_default();
    format!("{:indent$}{}{note}", "", row.text, indent = row.depth * 2)
}

/// Breaks a text into lines of at most `width` characters.
pub(super) fn wrap(text: &str, width: usize) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if column > 0 && column + 1 + len > width {
            wrapped.push('\n');
            column = 0;
        }
        if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped += word;
        column += len;
    }
    wrapped.push('\n');
    wrapped
}
