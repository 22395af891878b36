//! Known findings: the violations that an era has of its own, as the programs in `corpus/found` show them.
//!
//! A search of that era meets them again and again. It counts them and goes on, so that what is new is found.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use racewalk::prog::Program;
use racewalk::{Era, Machine, Options, Variant, vocabulary};

use crate::engine::Checkout;
use crate::finding::{Signature, signature_of};
use crate::refusal::Refusal;
use crate::source::Source;

/// `--all-findings`, for the verbs that search.
#[derive(clap::Args, Debug, Clone, Copy, Default)]
pub(crate) struct KnownArgs {
    /// Stop at known findings too: those that corpus/found shows of this kernel.
    #[arg(long)]
    all_findings: bool,
}

impl KnownArgs {
    /// The findings of a kernel that a search does not stop at.
    pub(crate) fn of(self, era: Era) -> Result<Known, Refusal> {
        if self.all_findings { Ok(Known::default()) } else { Known::of(era) }
    }
}

/// The signatures of known findings. Its display is what the target reads as `RACEWALK_KNOWN`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known(Vec<Signature>);

impl Known {
    /// What `corpus/found` shows of an era; nothing if there is no checkout here.
    pub(crate) fn of(era: Era) -> Result<Known, Refusal> {
        match Checkout::find() {
            Ok(checkout) => Known::read(&checkout.corpus().join("found"), era),
            Err(_) => Ok(Known::default()),
        }
    }

    /// What the programs of a folder show of an era. They are run: the file says which oracle speaks up, and the run
    /// says in which function.
    fn read(folder: &Path, era: Era) -> Result<Known, Refusal> {
        let mut known = Known::default();
        let mut machine = Machine::new();
        for path in files(folder).map_err(|error| Refusal::io(folder, &error))? {
            let program = Source::read(&path)?.document.program;
            let variant = Some(Variant::era(era));
            let Some(oracle) = expected(&program, era) else { continue };
            let outcome = machine.run(&program, &Options { variant, ..Options::default() });
            if let Some(signature) = signature_of(&outcome)
                && signature.oracle == oracle
                && !known.has(signature)
            {
                known.0.push(signature);
            }
        }
        Ok(known)
    }

    /// Adds those of another era.
    pub(crate) fn join(&mut self, others: Known) {
        for signature in others.0 {
            if !self.has(signature) {
                self.0.push(signature);
            }
        }
    }

    /// Adds one.
    pub(crate) fn add(&mut self, signature: Signature) {
        if !self.has(signature) {
            self.0.push(signature);
        }
    }

    /// Whether a violation is a known one.
    pub(crate) fn has(&self, signature: Signature) -> bool {
        self.0.contains(&signature)
    }

    /// The same where nobody knows in which function it went wrong: on OS threads.
    pub(crate) fn has_oracle(&self, oracle: &str) -> bool {
        self.0.iter().any(|signature| signature.oracle == oracle)
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Signature { oracle, function }) in self.0.iter().enumerate() {
            write!(f, "{}{oracle}:{function}", if n == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// The oracle that a file expects to speak up under an era with all that it has.
fn expected(program: &Program, era: Era) -> Option<&'static str> {
    let own = Variant::of(program);
    let speaks_of = |kernel: Option<racewalk::prog::KernelName>| match kernel {
        Some(name) => Era::ALL.get(usize::from(name.0)) == Some(&era),
        None => own.era == era && own.without.is_empty() && own.zoo.is_empty(),
    };
    let expect = program.head.expect.iter().find(|expect| speaks_of(expect.kernel))?;
    expect.verdict.map(|name| vocabulary().oracle(name))
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|suffix| suffix == "rw"));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::{Known, expected};
    use racewalk::Era;

    #[test]
    fn the_corpus_shows_what_v66_has_and_fixed_has_not() {
        let known = Known::of(Era::V66).expect("the corpus can be read");
        assert!(known.has_oracle("bad_rss_counter"), "{known}");
        assert!(!known.has_oracle("no_such_oracle"));
        assert!(known.to_string().contains("bad_rss_counter:"), "{known}");
        assert_eq!(Known::of(Era::Fixed).expect("the corpus can be read"), Known::default());
    }

    #[test]
    fn a_kernel_with_something_left_out_is_another_one() {
        let body =
            "setup\n  m0 = mm()\n  v0 = mmap(m0, anon, at=1h, len=1h, rw)\ncpu0\n  read(v0)\n";
        let of = |head: &str, era| {
            let text = format!("racewalk 1\n{head}\n{body}");
            expected(&racewalk::parse(&text).expect("the test's text is right").program, era)
        };
        assert_eq!(of("kernel v6.6\nexpect deadlock", Era::V66), Some("deadlock"));
        assert_eq!(of("kernel v6.6\nexpect clean", Era::V66), None);
        assert_eq!(of("kernel v6.6\nexpect deadlock", Era::SeedV3), None);
        assert_eq!(of("kernel v6.6\nexpect seed-v3 deadlock", Era::SeedV3), Some("deadlock"));
        assert_eq!(of("without recheck_page\nexpect deadlock", Era::V66), None);
    }
}
