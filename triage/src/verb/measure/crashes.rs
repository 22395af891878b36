//! Crashes: what random programs find without a protection, as it was found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use racewalk::prog::Document;
use racewalk::{Era, PROTECTIONS, Protection};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;

use crate::args::{Ask, Format};
use crate::engine::Checkout;
use crate::known::Known;
use crate::progress::Progress;
use crate::refusal::Refusal;
use crate::search::{Search, draw, search};

/// What to make.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Protections of which there are to be crashes: the first so many that are found broken.
    #[arg(long, value_name = "N", default_value_t = 30)]
    protections: usize,
    /// Crashes of each.
    #[arg(long, value_name = "N", default_value_t = 34)]
    each: u64,
    /// How long to search for the first crash of a protection; if there is none, the next one's turn comes.
    #[arg(long, value_name = "N", default_value_t = 3)]
    seconds: u64,
    /// Take every n-th protection of the list, and then those between.
    #[arg(long, value_name = "N", default_value_t = 7)]
    stride: usize,
}

/// Makes them.
pub(super) fn run(
    args: &Args,
    folder: &Path,
    format: Format,
    progress: &Progress,
) -> Result<ExitCode, Refusal> {
    let known = Known::of(Era::Fixed)?;
    let mut made = Vec::new();
    for protection in order(args.stride)? {
        if made.len() == args.protections {
            break;
        }
        let found = of_one(args, protection, &known, folder, progress)?;
        if found > 0 {
            made.push((protection.name, found));
        }
    }
    progress.finish();
    let total: u64 = made.iter().map(|(_, found)| found).sum();
    match format {
        Format::Text => {
            made.iter().for_each(|(name, found)| println!("{name:<24} {found:>4} crashes"));
            println!("{total} crashes without {} protections", made.len());
        }
        Format::Json => {
            let rows: Vec<_> =
                made.iter().map(|(name, n)| json!({ "protection": name, "crashes": n })).collect();
            println!("{}", json!({ "crashes": total, "protections": rows }));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The protections of `fixed` that have a program in the corpus, spread over the mechanisms.
fn order(stride: usize) -> Result<Vec<&'static Protection>, Refusal> {
    let corpus = Checkout::find()?.corpus();
    let all: Vec<&Protection> = PROTECTIONS
        .iter()
        .filter(|protection| protection.eras.contains(&Era::Fixed))
        .filter(|protection| kept(&corpus, protection.name).is_file())
        .collect();
    let stride = stride.max(1);
    Ok((0..stride).flat_map(|from| all.iter().skip(from).step_by(stride)).copied().collect())
}

/// The program that is kept of a protection.
pub(super) fn kept(corpus: &Path, protection: &str) -> PathBuf {
    corpus.join("litmus/without").join(format!("{protection}.rw"))
}

/// Crashes without one protection: of so many searches, each with a seed of its own, the first violation.
fn of_one(
    args: &Args,
    protection: &'static Protection,
    known: &Known,
    folder: &Path,
    progress: &Progress,
) -> Result<u64, Refusal> {
    let folder = folder.join(protection.name);
    let mut found = 0;
    let refuse = |error: std::io::Error| Refusal::io(&folder, &error);
    for seed in 1..=args.each {
        let ask = Ask { kernel: Some(Era::Fixed), without: vec![protection], ..Ask::default() };
        let asked = Search {
            ask,
            known: known.clone(),
            seed,
            time: Some(Duration::from_secs(args.seconds)),
            ..Search::default()
        };
        let result = search(&asked, progress);
        if result.finding.is_none() {
            if found == 0 {
                break;
            }
            continue;
        }
        // The program as it was drawn, with its policy: what a schedule comes to may be more than a file can hold.
        let mut program =
            draw(&mut ChaCha8Rng::seed_from_u64(seed), &asked, result.runs.saturating_sub(1));
        asked.ask.variant().write_to(&mut program.head);
        fs::create_dir_all(&folder).map_err(refuse)?;
        let text = racewalk::print(&Document::from(program));
        fs::write(folder.join(format!("{seed:03}.rw")), text).map_err(refuse)?;
        found += 1;
    }
    Ok(found)
}
