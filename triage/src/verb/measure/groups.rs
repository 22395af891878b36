//! How well crashes are grouped.
//!
//! The signature does not look at what a kernel leaves out, and the names of files are not asked: which protection a
//! crash is of, is known here only to judge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use racewalk::{Machine, Variant};
use serde_json::{Value, json};

use crate::args::Format;
use crate::finding::{Finding, recorded, signature_of};
use crate::minimise::{Limits, minimise};
use crate::progress::Progress;
use crate::refusal::Refusal;
use crate::signature::Signature;
use crate::source::{Source, collect};

/// What to measure.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// At most so many crashes of each protection.
    #[arg(long, value_name = "N", default_value_t = 34)]
    each: usize,
    /// At most so long for a crash.
    #[arg(long, value_name = "N", default_value_t = 2)]
    seconds: u64,
    /// Name the groups that mix protections, and the protections that are split.
    #[arg(long)]
    verbose: bool,
}

/// Crashes by signature, and in each group by protection.
#[derive(Debug, Default)]
struct Groups(BTreeMap<String, BTreeMap<&'static str, usize>>);

/// Measures.
pub(super) fn run(
    args: &Args,
    folder: &Path,
    format: Format,
    progress: &Progress,
) -> Result<ExitCode, Refusal> {
    let mut machine = Machine::new();
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kinds: [(&str, Groups); 3] = [
        ("oracle and function, as found", Groups::default()),
        ("oracle and racing pair, minimised", Groups::default()),
        ("signature, minimised", Groups::default()),
    ];
    let begun = Instant::now();
    for (n, file) in files.iter().enumerate() {
        progress.tick(|| format!("{n} of {} crashes", files.len()));
        let program = Source::read(file)?.document.program;
        let variant = Variant::of(&program);
        let Some(protection) = variant.without.first().map(|protection| protection.name) else {
            continue;
        };
        let count = taken.entry(protection).or_default();
        if *count >= args.each {
            continue;
        }
        let Some(finding) = Finding::of(&mut machine, &program, &variant) else { continue };
        *count += 1;
        let limits = Limits { time: Duration::from_secs(args.seconds), ..Limits::default() };
        let small = minimise(&finding, &limits, &Progress::none()).finding.program;
        let outcome = recorded(&mut machine, &small);
        let signatures = [
            signature_of(&recorded(&mut machine, &program)).map(|noticed| noticed.to_string()),
            Signature::by_pair(&small, &outcome).map(|signature| signature.to_string()),
            Signature::found_by(&mut machine, &small).map(|signature| signature.to_string()),
        ];
        for ((_, groups), signature) in kinds.iter_mut().zip(signatures) {
            let group = groups.0.entry(signature.unwrap_or_default()).or_default();
            *group.entry(protection).or_default() += 1;
        }
    }
    progress.finish();
    let seconds = begun.elapsed().as_secs_f64();
    let crashes: usize = taken.values().sum();
    match format {
        Format::Text => {
            println!("{crashes} crashes without {} protections, in {seconds:.0} s", taken.len());
            println!(
                "{:<36} {:>6} {:>6} {:>17} {:>18}",
                "by", "groups", "mixed", "crashes misplaced", "groups/protection"
            );
            for (name, groups) in &kinds {
                println!(
                    "{name:<36} {:>6} {:>6} {:>17} {:>18.2}",
                    groups.0.len(),
                    groups.mixed().count(),
                    groups.misplaced(),
                    groups.split()
                );
            }
            if args.verbose {
                kinds[2].1.print();
            }
        }
        Format::Json => {
            let kinds: Vec<Value> = kinds.iter().map(|(name, groups)| json!({ "by": name, "groups": groups.0.len(), "mixed": groups.mixed().count(), "misplaced": groups.misplaced(), "groups_per_protection": groups.split() })).collect();
            println!(
                "{:#}",
                json!({ "crashes": crashes, "protections": taken.len(), "seconds": seconds, "by": kinds })
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Groups {
    fn mixed(&self) -> impl Iterator<Item = (&String, &BTreeMap<&'static str, usize>)> {
        self.0.iter().filter(|(_, of)| of.len() > 1)
    }

    /// Crashes that are in a group of which most are of another protection.
    fn misplaced(&self) -> usize {
        let most = |of: &BTreeMap<&str, usize>| of.values().copied().max().unwrap_or(0);
        self.0.values().map(|of| of.values().sum::<usize>() - most(of)).sum()
    }

    /// Groups in which there are crashes of a protection, on average.
    fn split(&self) -> f64 {
        let pairs: usize = self.0.values().map(BTreeMap::len).sum();
        let names: BTreeSet<&str> = self.0.values().flat_map(BTreeMap::keys).copied().collect();
        pairs as f64 / names.len().max(1) as f64
    }

    fn print(&self) {
        for (signature, of) in self.mixed() {
            println!("mixed: {signature}: {of:?}");
        }
        let mut split: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (signature, of) in &self.0 {
            of.keys().for_each(|name| split.entry(name).or_default().push(signature));
        }
        for (name, signatures) in split.iter().filter(|(_, signatures)| signatures.len() > 2) {
            println!("split: {name}\n  {}", signatures.join("\n  "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Groups;

    #[test]
    fn mixing_and_splitting_are_counted() {
        let mut groups = Groups::default();
        for (signature, protection, crashes) in
            [("a", "one", 5), ("a", "two", 2), ("b", "two", 3), ("c", "two", 1)]
        {
            groups.0.entry(signature.to_owned()).or_default().insert(protection, crashes);
        }
        assert_eq!((groups.mixed().count(), groups.misplaced()), (1, 2));
        assert_eq!(groups.split(), 2.0);
    }
}
