//! The checks: each is a promise about one target, and says how it stands.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::{Sanitizer, Subject};

/// A check: its name, what it promises, and whether it holds (with a figure, or with what is wrong).
pub(crate) type Check = (&'static str, &'static str, fn(&Subject) -> Result<String, String>);

/// All of them, in the order in which one would look for a fault.
pub(crate) const CHECKS: &[Check] = &[
    ("libraries", "needs only libraries that every image has", libraries),
    ("starts", "starts in less than a second, in any folder, without an environment", starts),
    ("empty", "says `Done 4 runs` with -seed=1337 -runs=4 and an empty corpus", empty),
    ("seeds", "runs over all its seeds, none of which crashes, leaks or takes too long", seeds),
    ("edges", "has at least 100 edges", edges),
    ("sanitizer", "calls its sanitizer if it has one, and none if not", sanitizer),
    ("options", "has options that name the longest input", options),
    ("dictionary", "has a dictionary that libFuzzer can read, if it has one", dictionary),
    ("repeatable", "finds the same with the same seed", repeatable),
    ("process", "is one process", process),
];

/// What the images of OSS-Fuzz have.
const LIBRARIES: [&str; 9] = [
    "libc.so",
    "libm.so",
    "libgcc_s.so",
    "libstdc++.so",
    "libdl.so",
    "libpthread.so",
    "librt.so",
    "ld-linux",
    "libresolv.so",
];
const EDGES_MIN: u64 = 100;
/// OSS-Fuzz calls an ASan build one if it has so many calls of it, and any other must have none.
const ASAN_CALLS_MIN: usize = 1000;
const START_MAX: Duration = Duration::from_secs(1);

fn libraries(subject: &Subject) -> Result<String, String> {
    let said = objdump(subject, &["-p"])?;
    let needed = said.lines().filter_map(|line| line.trim().strip_prefix("NEEDED"));
    let needed: Vec<&str> = needed.map(str::trim).collect();
    let other = |name: &&&str| !LIBRARIES.iter().any(|known| name.starts_with(known));
    match needed.iter().find(other) {
        Some(name) => Err(format!("needs {name}")),
        None => Ok(needed.join(", ")),
    }
}

fn starts(subject: &Subject) -> Result<String, String> {
    let ran = subject.run(&["-runs=0"])?;
    let took = format!("{:.2} s", ran.took.as_secs_f64());
    match (ran.success, ran.took < START_MAX) {
        (true, true) => Ok(took),
        (true, false) => Err(took),
        (false, _) => Err(ran.tail()),
    }
}

fn empty(subject: &Subject) -> Result<String, String> {
    let corpus = subject.folder("empty")?;
    let ran =
        subject.run(&["-seed=1337", "-runs=4", "-len_control=0", &corpus.to_string_lossy()])?;
    let done = ran.said.lines().any(|line| line.starts_with("Done 4 runs"));
    if ran.success && done { Ok(ran.line("Done 4 runs").to_owned()) } else { Err(ran.tail()) }
}

fn seeds(subject: &Subject) -> Result<String, String> {
    let folder = subject.seeds()?;
    let count = fs::read_dir(&folder).map_err(|error| error.to_string())?.count();
    if count == 0 {
        return Err("there are none".to_owned());
    }
    let ran = subject.run(&["-runs=0", &folder.to_string_lossy()])?;
    if ran.success { Ok(format!("{count} seeds")) } else { Err(ran.tail()) }
}

fn edges(subject: &Subject) -> Result<String, String> {
    let folder = subject.seeds()?;
    let ran = subject.run(&["-runs=4", "-seed=1", &folder.to_string_lossy()])?;
    match ran.figure("cov:") {
        Some(edges) if edges >= EDGES_MIN => Ok(format!("{edges} edges")),
        Some(edges) => Err(format!("only {edges} edges")),
        None => {
            Err(format!("no edges: it was built without coverage of the code ({})", ran.tail()))
        }
    }
}

fn sanitizer(subject: &Subject) -> Result<String, String> {
    let said = objdump(subject, &["-d", "--no-show-raw-insn"])?;
    let calls = said.lines().filter(|line| line.contains("call") && line.contains("__asan"));
    let calls = calls.count();
    let right = match subject.sanitizer {
        Sanitizer::Address => calls >= ASAN_CALLS_MIN,
        Sanitizer::None => calls == 0,
    };
    let said = format!("{calls} calls of ASan");
    if right { Ok(said) } else { Err(said) }
}

fn options(subject: &Subject) -> Result<String, String> {
    let path = subject.out.join(format!("{}.options", subject.name));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let value = |key: &str| {
        let pair = text.lines().filter_map(|line| line.split_once('='));
        pair.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim()).next()
    };
    if text.lines().next() != Some("[libfuzzer]") {
        return Err("does not begin with [libfuzzer]".to_owned());
    }
    let (Some(longest), Some("0")) = (value("max_len"), value("len_control")) else {
        return Err("says no max_len, or another len_control than 0".to_owned());
    };
    if let Some(dictionary) = value("dict")
        && !subject.out.join(dictionary).is_file()
    {
        return Err(format!("names {dictionary}, which is not there"));
    }
    Ok(format!("max_len {longest}"))
}

fn dictionary(subject: &Subject) -> Result<String, String> {
    let path = subject.out.join(format!("{}.dict", subject.name));
    if !path.is_file() {
        return Ok("none".to_owned());
    }
    let ran = subject.run(&["-runs=4", &format!("-dict={}", path.display())])?;
    let entries = ran.line("Dictionary: ");
    if ran.success && !entries.is_empty() { Ok(entries.to_owned()) } else { Err(ran.tail()) }
}

fn repeatable(subject: &Subject) -> Result<String, String> {
    let once = |name: &str| {
        let corpus = subject.folder(name)?;
        let ran = subject.run(&[
            "-seed=7",
            "-runs=2000",
            "-len_control=0",
            "-max_len=400",
            &corpus.to_string_lossy(),
        ])?;
        let figures = ["cov:", "ft:", "corp:"].map(|word| ran.figure(word));
        if ran.success { Ok(figures) } else { Err(ran.tail()) }
    };
    let (one, other) = (once("once")?, once("again")?);
    let said = format!("{one:?} and {other:?}");
    if one == other { Ok("2000 runs, twice".to_owned()) } else { Err(said) }
}

fn process(subject: &Subject) -> Result<String, String> {
    let mut child = Command::new(subject.binary())
        .args(["-runs=-1", "-max_total_time=3"])
        .current_dir(subject.folder("elsewhere")?)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    thread::sleep(Duration::from_millis(700));
    let id = child.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    // Both may have happened by themselves: it ends after its time.
    let _ = child.kill();
    let _ = child.wait();
    match children {
        Ok(children) if children.trim().is_empty() => Ok(String::new()),
        Ok(children) => Err(format!("has children: {}", children.trim())),
        Err(error) => Err(format!("it ended at once, or /proc says nothing: {error}")),
    }
}

fn objdump(subject: &Subject, arguments: &[&str]) -> Result<String, String> {
    let said = Command::new("objdump").args(arguments).arg(subject.binary()).output();
    let said = said.map_err(|error| format!("objdump (of binutils): {error}"))?;
    if said.status.success() {
        Ok(String::from_utf8_lossy(&said.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&said.stderr).into_owned())
    }
}
