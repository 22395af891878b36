//! A crash is a file that an engine, or a person, has kept because it fails. Here it is read, run again, and made so
//! small that one can tell what it is of.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use racewalk::prog::{Document, Program};
use racewalk::{Machine, Variant};
use serde_json::{Value, json};

use crate::args::Ask;
use crate::case::is_stable;
use crate::finding::Finding;
use crate::minimise::{Limits, Shape, minimise};
use crate::progress::Progress;
use crate::signature::Signature;
use crate::source::Source;

/// What libFuzzer's files of crashes begin with, and AFL's.
const NAMES: [&str; 4] = ["crash-", "timeout-", "oom-", "id:"];
/// What AFL keeps that is no crash.
const NOT_CRASHES: [&str; 2] = ["queue", "hangs"];

/// All crashes below a folder, in the order of their names; a file is itself.
pub(crate) fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !fs::metadata(path)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_dir() {
            if !name.starts_with('.') && !NOT_CRASHES.contains(&name.as_str()) {
                collect(&entry, files)?;
            }
        } else if name.ends_with(".rw") || NAMES.iter().any(|crash| name.starts_with(crash)) {
            files.push(entry);
        }
    }
    Ok(())
}

/// What became of one file.
#[derive(Clone, Debug)]
pub(crate) struct Crash {
    /// The file.
    pub(crate) file: PathBuf,
    /// What identifies its content and the kernel.
    pub(crate) key: String,
    /// What it is.
    pub(crate) what: What,
}

/// What it is.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// It fails.
    Failing(Box<Failing>),
    /// It is clean on this kernel.
    Clean,
    /// It cannot be read, and why.
    Unreadable(String),
}

/// A crash that fails, made small.
#[derive(Clone, Debug)]
pub(crate) struct Failing {
    /// Its signature, in words.
    pub(crate) signature: String,
    /// The same as part of a file's name.
    pub(crate) slug: String,
    /// The oracle.
    pub(crate) oracle: String,
    /// Whether two runs of it are one.
    pub(crate) stable: bool,
    /// The text of the small program.
    pub(crate) program: String,
    /// Its size.
    pub(crate) size: (usize, usize, usize),
}

impl Crash {
    /// Reads a file, runs it twice, and makes it small.
    pub(crate) fn examine(machine: &mut Machine, file: &Path, ask: &Ask, limits: &Limits) -> Crash {
        let (key, what) = match key(file, ask) {
            Ok(key) => (key, What::of(machine, file, ask, limits)),
            Err(error) => (String::new(), What::Unreadable(error.to_string())),
        };
        Crash { file: file.to_owned(), key, what }
    }

    /// One line of what is remembered from one time to the next.
    pub(crate) fn to_json(&self) -> Value {
        match &self.what {
            What::Failing(failing) => json!({
                "file": self.file, "key": self.key, "what": "failing", "signature": failing.signature,
                "slug": failing.slug, "oracle": failing.oracle, "stable": failing.stable, "program": failing.program,
                "size": [failing.size.0, failing.size.1, failing.size.2],
            }),
            What::Clean => json!({ "file": self.file, "key": self.key, "what": "clean" }),
            What::Unreadable(why) => {
                json!({ "file": self.file, "key": self.key, "what": "unreadable", "why": why })
            }
        }
    }

    /// The crash of a line; `None` if it is not one.
    pub(crate) fn from_json(value: &Value) -> Option<Crash> {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let size = |n: usize| value["size"][n].as_u64().map(|size| size as usize);
        let what = match value["what"].as_str()? {
            "clean" => What::Clean,
            "failing" => What::Failing(Box::new(Failing {
                signature: text("signature")?,
                slug: text("slug")?,
                oracle: text("oracle")?,
                stable: value["stable"].as_bool()?,
                program: text("program")?,
                size: (size(0)?, size(1)?, size(2)?),
            })),
            _ => return None,
        };
        Some(Crash { file: PathBuf::from(text("file")?), key: text("key")?, what })
    }
}

/// What a file says under a kernel: the same key, the same answer.
pub(crate) fn key(file: &Path, ask: &Ask) -> io::Result<String> {
    let mut hasher = DefaultHasher::new();
    fs::read(file)?.hash(&mut hasher);
    let mut asked = Program::default();
    ask.apply(&mut asked);
    asked.head.hash(&mut hasher);
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    file.extension().is_some_and(|suffix| suffix == "rw").hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

impl What {
    fn of(machine: &mut Machine, file: &Path, ask: &Ask, limits: &Limits) -> What {
        let mut program = match Source::read(file) {
            Ok(source) => source.document.program,
            Err(refusal) => return What::Unreadable(refusal.to_string()),
        };
        ask.apply(&mut program);
        let variant = Variant::of(&program);
        let stable = is_stable(machine, &program);
        let Some(finding) = Finding::of(machine, &program, &variant) else { return What::Clean };
        let mut small = minimise(&finding, limits, &Progress::none()).finding.program;
        let Some(signature) = Signature::found_by(machine, &small) else { return What::Clean };
        small.head.title = Some(finding.signature.to_string());
        let Shape { cpus: _, ops, setup, decisions } = Shape::of(&small);
        What::Failing(Box::new(Failing {
            slug: signature.slug(),
            signature: signature.to_string(),
            oracle: signature.oracle.to_owned(),
            stable,
            program: racewalk::print(&Document::from(small)),
            size: (ops, decisions, setup),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Crash, What, collect};
    use crate::args::Ask;
    use crate::minimise::Limits;
    use racewalk::{Machine, prog};
    use std::fs;
    use std::path::{Path, PathBuf};

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("racewalk-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the temporary folder can be written to");
        folder
    }

    #[test]
    fn crashes_of_both_engines_are_found_and_what_is_none_is_not() {
        let folder = folder("collect");
        let names = ["crash-1", "id:000000,sig:06", "kept.rw", "README.txt", "fuzzer_stats"];
        for name in names {
            fs::write(folder.join(name), "x").expect("it can be written");
        }
        fs::create_dir(folder.join("queue")).expect("it can be made");
        fs::write(folder.join("queue/id:000000"), "x").expect("it can be written");
        let mut files = Vec::new();
        collect(&folder, &mut files).expect("it can be read");
        let found: Vec<_> = files.iter().filter_map(|file| file.file_name()).collect();
        assert_eq!(found, ["crash-1", "id:000000,sig:06", "kept.rw"]);
        fs::remove_dir_all(folder).expect("it can be removed");
    }

    #[test]
    fn bytes_and_text_are_one_crash_and_a_line_holds_it() {
        let folder = folder("crash");
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/litmus/without/counter_sub.rw");
        let text = fs::read_to_string(&file).expect("the corpus can be read");
        let mut program = racewalk::parse(&text).expect("the corpus is right").program;
        let mut machine = Machine::new();
        let variant = racewalk::Variant::of(&program);
        let finding = crate::finding::Finding::of(&mut machine, &program, &variant);
        program.schedule = finding.expect("it fails").program.schedule;
        let bytes = folder.join("crash-1");
        fs::write(&bytes, prog::encode(&program).expect("it fits")).expect("it can be written");
        let ask = Ask { kernel: Some(variant.era), without: variant.without, ..Ask::default() };
        let signature = |crash: &Crash| match &crash.what {
            What::Failing(failing) => failing.signature.clone(),
            other => panic!("{other:?}"),
        };
        let both =
            [file, bytes].map(|file| Crash::examine(&mut machine, &file, &ask, &Limits::default()));
        assert_eq!(signature(&both[0]), signature(&both[1]));
        let again = Crash::from_json(&both[1].to_json()).expect("it is one");
        assert_eq!(again.to_json(), both[1].to_json());
        fs::remove_dir_all(folder).expect("it can be removed");
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let crash = Crash::examine(
            &mut Machine::new(),
            Path::new("no/such/file"),
            &Ask::default(),
            &Limits::default(),
        );
        assert!(matches!(crash.what, What::Unreadable(why) if why.contains("No such file")));
    }
}
