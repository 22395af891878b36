//! A seed is a program of the corpus, packed into bytes for an engine to start from.
//!
//! Only a file that expects `clean` becomes one: a reproducer is never a seed, for an engine would stop at it before it
//! had searched anything. So each is run under the variant in question first, and left out if that is not clean.

use std::path::{Path, PathBuf};
use std::{fs, io};

use racewalk::prog::{self, Schedule};
use racewalk::{Era, Machine, Options, Program, Reader, Target, Variant};

use crate::args::Ask;
use crate::refusal::Refusal;
use crate::source::Source;

/// What was packed.
#[derive(Debug)]
pub(crate) struct Packed {
    /// How many seeds there are.
    pub(crate) seeds: usize,
    /// How many files expect `clean`, and are not clean under the variant.
    pub(crate) reproducers: usize,
}

impl Packed {
    /// Counts those of another folder too.
    pub(crate) fn add(&mut self, other: &Packed) {
        self.seeds += other.seeds;
        self.reproducers += other.reproducers;
    }
}

/// Packs the programs of a corpus that suit a target and what is asked for, one file each into `folder`. A program that
/// the target's bytes cannot say is none of its seeds.
pub(crate) fn pack(
    corpus: &Path,
    ask: &Ask,
    target: Target,
    folder: &Path,
) -> Result<Packed, Refusal> {
    let mut files = Vec::new();
    collect(corpus, &mut files).map_err(|error| Refusal::io(corpus, &error))?;
    files.sort();
    let mut machine = Machine::new();
    let mut reader = Reader::new(target);
    let mut packed = Packed { seeds: 0, reproducers: 0 };
    for path in files {
        let mut program = Source::read(&path)?.document.program;
        if !is_seed(&program, ask.variant().era) {
            continue;
        }
        ask.apply(&mut program);
        match clean(&mut machine, &mut program, &ask.variant()) {
            true => {
                let Some(bytes) = reader.write(&program) else { continue };
                let seed = folder.join(name(corpus, &path));
                fs::write(&seed, bytes).map_err(|error| Refusal::io(&seed, &error))?;
                packed.seeds += 1;
            }
            false => packed.reproducers += 1,
        }
    }
    Ok(packed)
}

/// Whether a file promises to be clean: under its own kernel, and nothing else under this one.
fn is_seed(program: &Program, era: Era) -> bool {
    let own = Variant::of(program);
    let expects = |wanted: Era, clean: bool| {
        program.head.expect.iter().any(|expect| {
            let kernel = expect
                .kernel
                .map_or(Some(own.era), |name| Era::ALL.get(usize::from(name.0)).copied());
            kernel == Some(wanted) && expect.verdict.is_none() == clean
        })
    };
    let breaks = expects(own.era, false) || expects(era, false);
    !breaks && (expects(own.era, true) || expects(era, true))
}

/// Whether a program is clean. A schedule in turns becomes the decisions that it led to, for bytes hold no turns.
pub(crate) fn clean(machine: &mut Machine, program: &mut Program, variant: &Variant) -> bool {
    let options = Options { variant: Some(variant.clone()), record: true, ..Options::default() };
    let outcome = machine.run(program, &options);
    if !outcome.verdict.is_clean() {
        return false;
    }
    if matches!(program.schedule, Schedule::Turns(_)) {
        program.schedule = Schedule::Decisions(outcome.taken);
    }
    prog::fixup(program);
    true
}

/// The path inside the corpus, as one name.
fn name(corpus: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(corpus).unwrap_or(path).with_extension("");
    inside.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("-")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|suffix| suffix == "rw") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_seed;
    use racewalk::Era;

    #[track_caller]
    fn check(headers: &str, era: Era, seed: bool) {
        let body =
            "setup\n  m0 = mm()\n  v0 = mmap(m0, anon, at=1h, len=1h, rw)\ncpu0\n  read(v0)\n";
        let text = format!("racewalk 1\n{headers}\n{body}");
        let program = racewalk::parse(&text).expect("the test's text is right").program;
        assert_eq!(is_seed(&program, era), seed, "{headers}");
    }

    #[test]
    fn clean_is_a_seed() {
        check("expect clean", Era::V66, true);
        check("kernel seed-v3\nexpect clean", Era::V66, true);
        check("expect clean", Era::SeedV3, true);
    }

    #[test]
    fn nothing_expected_is_none() {
        check("title something", Era::V66, false);
    }

    #[test]
    fn a_reproducer_is_none() {
        check("without recheck_page\nexpect lost_write\nexpect v6.6 clean", Era::V66, false);
        check("kernel seed-v3\nexpect page_table_check\nexpect v6.6 clean", Era::V66, false);
        check("expect clean\nexpect seed-v3 page_table_check", Era::SeedV3, false);
    }

    #[test]
    fn a_reproducer_of_another_kernel_may_be_one() {
        check("expect clean\nexpect seed-v3 page_table_check", Era::V66, true);
    }
}
