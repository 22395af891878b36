//! The table: one line for each contender, figures and ratios.

/// What was measured of one contender.
#[derive(Debug)]
pub(crate) struct Row {
    /// Whose it is.
    pub(crate) name: String,
    /// Seconds of one long execution.
    pub(crate) long: f64,
    /// Seconds of one short execution.
    pub(crate) short: f64,
    /// Steps of one long execution.
    pub(crate) steps: f64,
    /// Instructions of one step of a long execution; `None` if nobody could count them.
    pub(crate) instructions: Option<f64>,
}

/// Prints the rows. The ratios are to the first two of them, by executions of the long kind.
pub(crate) fn print(title: &str, rows: &[Row]) {
    println!("\n{title}\n");
    println!(
        "{:<34} {:>12} {:>8} {:>11} {:>11} {:>11} {:>9} {:>9}",
        "", "steps/s", "ns/step", "instr/step", "exec/s", "exec/s", "x row 1", "x row 2"
    );
    println!(
        "{:<34} {:>12} {:>8} {:>11} {:>11} {:>11}",
        "", "long", "long", "long", "long", "short"
    );
    for row in rows {
        let instructions = row.instructions.map_or("-".to_owned(), |n| format!("{n:.1}"));
        println!(
            "{:<34} {:>12.0} {:>8.2} {instructions:>11} {:>11.0} {:>11.0} {:>9.1} {:>9.1}",
            row.name,
            row.steps / row.long,
            row.long / row.steps * 1e9,
            1.0 / row.long,
            1.0 / row.short,
            rows[0].long / row.long,
            rows[1].long / row.long,
        );
    }
    if rows.iter().any(|row| row.instructions.is_none()) {
        println!(
            "\nInstructions are not counted: valgrind is not installed, or does not run here."
        );
    }
}
