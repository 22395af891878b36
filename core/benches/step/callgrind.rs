//! Instructions, as callgrind counts them: exact, and the same on a busy machine.

use std::process::Command;

/// The argument with which this program is told to run one row and do nothing else.
const ERRAND: &str = "--run-row";

/// What callgrind is to run, if this program was called for that: row, rounds, executions.
pub(crate) fn errand(args: &[String]) -> Option<(usize, u32, u32)> {
    match args {
        [flag, row, rounds, executions] if flag == ERRAND => {
            Some((row.parse().ok()?, rounds.parse().ok()?, executions.parse().ok()?))
        }
        _ => None,
    }
}

/// Instructions of one execution of a row; `None` without valgrind.
///
/// The difference between many executions and few leaves out what is done once.
pub(crate) fn instructions(row: usize, rounds: u32, executions: u32) -> Option<f64> {
    let few = count(row, rounds, executions / 5)?;
    let many = count(row, rounds, executions / 5 + executions)?;
    Some((many - few) / f64::from(executions))
}

fn count(row: usize, rounds: u32, executions: u32) -> Option<f64> {
    let this = std::env::current_exe().ok()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .arg(ERRAND)
        .args([row.to_string(), rounds.to_string(), executions.to_string()])
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    report.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}
