//! The panic hook: one line in the form that crash sorters read, before the one in today's form.

use std::panic::{self, PanicHookInfo};

/// Puts a line `thread '<unnamed>' panicked at 'ORACLE in FUNCTION', FILE:LINE` in front of what is printed anyway.
///
/// Sorters of crashes read the message from this form; in the present one it stands on a line of its own. The hook that
/// was there before is called afterwards: the engine's, which ends the process.
pub fn install_hook() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        eprintln!("{}", line(info));
        before(info);
    }));
}

fn line(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let place =
        info.location().map(|at| format!(", {}:{}", at.file(), at.line())).unwrap_or_default();
    format!("thread '<unnamed>' panicked at '{message}'{place}")
}
