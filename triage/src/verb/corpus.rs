//! The verb `corpus`: turns programs into seeds and back, merges what engines keep, and says what it reaches.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use racewalk::prog::{Document, Expect};
use racewalk::{LABELS, Target, vocabulary};
use serde_json::json;

use crate::args::{Format, VariantArgs};
use crate::corpus::{Choice, Gathered, cover, gather, keep_new};
use crate::progress::{Progress, ProgressArgs};
use crate::refusal::Refusal;
use crate::source::target_named;

const EXAMPLES: &str = "\
Examples:
  cargo racewalk corpus pack corpus -o fuzz/corpus/race                 programs become an engine's bytes
  cargo racewalk corpus merge target/corpus/race -o small               what reaches something new, of either engine
  cargo racewalk corpus distil corpus small --target abort -o seeds     a few programs, as text, that reach every place
  cargo racewalk corpus stats fuzz/seeds/race --kernel fixed

A folder may hold text (.rw) and bytes; bytes are those of --target. What is not clean under the kernel is left out:
a reproducer is never a seed.";

/// Turns programs into seeds and back, merges what engines keep, and says what it reaches.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// All programs that the target can say, as its bytes.
    Pack(Job),
    /// Those that reach something new, the shortest first, as bytes.
    Merge(Job),
    /// A few that reach every place that any reaches, as text.
    Distil {
        #[command(flatten)]
        job: Job,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 300)]
        max: usize,
        /// Then more of them, for interleavings.
        #[arg(long)]
        interleavings: bool,
    },
    /// How many there are, and what they reach.
    Stats {
        #[command(flatten)]
        input: From,
        /// How the answer is written.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

#[derive(clap::Args, Debug)]
struct From {
    /// Files, and folders that are searched.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The target that the bytes are for.
    #[arg(long, value_name = "TARGET", default_value = "race", value_parser = target_named)]
    target: Target,
    #[command(flatten)]
    variant: VariantArgs,
    #[command(flatten)]
    progress: ProgressArgs,
}

#[derive(clap::Args, Debug)]
struct Job {
    #[command(flatten)]
    input: From,
    /// The folder for the result; what is in there stays.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Refusal> {
    match &args.what {
        What::Pack(job) => {
            let gathered = job.input.gather()?;
            let all: Vec<&[u8]> = gathered.members.iter().map(|m| &m.bytes[..]).collect();
            write_bytes(&job.output, &all)?;
            say(&gathered, all.len(), &job.output);
        }
        What::Merge(job) => {
            let gathered = job.input.gather()?;
            let kept = keep_new(&gathered.members);
            let kept: Vec<&[u8]> = kept.into_iter().map(|m| &m.bytes[..]).collect();
            write_bytes(&job.output, &kept)?;
            say(&gathered, kept.len(), &job.output);
        }
        What::Distil { job, max, interleavings } => {
            let gathered = job.input.gather()?;
            let chosen = cover(&gathered.members, *interleavings, *max);
            write_text(&job.output, &chosen, &job.input)?;
            say(&gathered, chosen.len(), &job.output);
        }
        What::Stats { input, format } => stats(input, *format)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl From {
    fn gather(&self) -> Result<Gathered, Refusal> {
        let progress: Progress = self.progress.start();
        let variant = self.variant.ask()?.variant();
        let gathered = gather(&self.paths, self.target, &variant, &progress);
        progress.finish();
        gathered
    }
}

fn say(gathered: &Gathered, written: usize, output: &Path) {
    println!(
        "{written} of {} written to {}; left out: {} not clean, {} that the target cannot say",
        gathered.members.len(),
        output.display(),
        gathered.unclean,
        gathered.foreign
    );
}

/// One file each, named after its bytes: the same input from two engines is one.
fn write_bytes(output: &Path, inputs: &[&[u8]]) -> Result<(), Refusal> {
    fs::create_dir_all(output).map_err(|error| Refusal::io(output, &error))?;
    for bytes in inputs {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let path = output.join(format!("{:016x}", hasher.finish()));
        fs::write(&path, bytes).map_err(|error| Refusal::io(&path, &error))?;
    }
    Ok(())
}

/// One file each, named after the first place that it was chosen for.
fn write_text(output: &Path, chosen: &[Choice<'_>], input: &From) -> Result<(), Refusal> {
    fs::create_dir_all(output).map_err(|error| Refusal::io(output, &error))?;
    let variant = input.variant.ask()?.variant();
    for (n, choice) in chosen.iter().enumerate() {
        let mut program = choice.member.program.clone();
        variant.write_to(&mut program.head);
        program.head.title = Some(title(&choice.places));
        program.head.expect = vec![Expect { kernel: None, verdict: None }];
        let name = choice.places.first().copied().unwrap_or("interleavings");
        let path = output.join(format!("{n:03}-{name}.rw"));
        let text = racewalk::print(&Document::from(program));
        fs::write(&path, text).map_err(|error| Refusal::io(&path, &error))?;
    }
    Ok(())
}

fn title(places: &[&str]) -> String {
    /// Names in a title.
    const SHOWN: usize = 5;
    let shown = places.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match places.len() {
        0 => "interleavings that no other one has".to_owned(),
        n if n > SHOWN => format!("{shown} and {} more", n - SHOWN),
        _ => shown,
    }
}

fn stats(input: &From, format: Format) -> Result<(), Refusal> {
    let gathered = input.gather()?;
    let members = &gathered.members;
    let bytes: usize = members.iter().map(|member| member.bytes.len()).sum();
    let ops: usize =
        members.iter().map(|m| m.program.cpus.iter().map(Vec::len).sum::<usize>()).sum();
    let decisions: usize = members.iter().map(|member| member.program.schedule.len()).sum();
    let reach = gathered.reach();
    let reached: Vec<&str> = reach.places().collect();
    let all = &vocabulary().places[1..];
    let missed: Vec<&str> = all.iter().copied().filter(|place| !reached.contains(place)).collect();
    let labels = reached.iter().filter(|place| LABELS.contains(place)).count();
    let mut out = stdout().lock();
    if format == Format::Json {
        let answer = json!({
            "target": input.target.name(), "programs": members.len(), "bytes": bytes, "operations": ops,
            "decisions": decisions, "not_clean": gathered.unclean, "foreign": gathered.foreign,
            "places": reached, "places_missed": missed, "interleavings": reach.count().1,
        });
        writeln!(out, "{answer:#}")?;
        return Ok(());
    }
    writeln!(out, "target:        {}", input.target.name())?;
    writeln!(
        out,
        "programs:      {} ({} not clean, {} that the target cannot say)",
        members.len(),
        gathered.unclean,
        gathered.foreign
    )?;
    writeln!(out, "size:          {bytes} bytes, {ops} operations, {decisions} decisions")?;
    writeln!(out, "functions:     {} of {}", reached.len() - labels, all.len() - LABELS.len())?;
    writeln!(out, "labels:        {labels} of {}", LABELS.len())?;
    writeln!(out, "interleavings: {}", reach.count().1)?;
    if !missed.is_empty() {
        writeln!(out, "not reached:   {}", missed.join(" "))?;
    }
    Ok(())
}
