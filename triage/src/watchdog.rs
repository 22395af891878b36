//! A watchdog over programs on OS threads: nobody conducts them, so nobody notices that they will never end.

use std::process;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use racewalk::Program;

/// A program takes far less than a millisecond; on a busy machine, far less than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks after one program after another, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watchdog(Sender<Program>);

impl Watchdog {
    /// A watchdog that has nothing to do yet.
    pub(crate) fn start() -> Watchdog {
        let (sender, programs) = mpsc::channel::<Program>();
        thread::spawn(move || {
            let Ok(mut program) = programs.recv() else { return };
            loop {
                match programs.recv_timeout(PATIENCE) {
                    Ok(next) => program = next,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => bark(&program),
                }
            }
        });
        Watchdog(sender)
    }

    /// From now on `program` runs, and the one before it has ended.
    pub(crate) fn watch(&self, program: &Program) {
        // The receiver ends only after us, or with the whole process.
        let _ = self.0.send(program.clone());
    }
}

/// Threads cannot be ended from outside, so it is the end of the process, with the exit code of a finding.
fn bark(program: &Program) -> ! {
    print!("{}", racewalk::print_program(program));
    println!("\nhung: no end after {} s on OS threads", PATIENCE.as_secs());
    println!("On OS threads nobody decides who runs: this cannot be repeated at will.");
    println!(
        "Where it hangs: the same command, and `gdb -p PID -batch -ex 'thread apply all bt'`."
    );
    process::exit(1)
}
