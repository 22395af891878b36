//! A status is what libFuzzer says about itself, one line at a time.

use std::path::PathBuf;

/// The figures of the last status line.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Figures {
    /// Inputs run.
    pub(super) executions: u64,
    /// Edges covered.
    pub(super) edges: u64,
    /// Features: edges, and interleavings, with how often.
    pub(super) features: u64,
    /// Inputs kept.
    pub(super) corpus: u64,
    /// Inputs run each second, on average since the start.
    pub(super) rate: u64,
}

/// What a line of libFuzzer's output means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Said {
    /// `#12345 NEW cov: 3082 ft: 17149 corp: 2572/866Kb lim: 968 exec/s: 7734 rss: 39Mb …`
    Figures(Figures),
    /// `stat::number_of_executed_units: 12345`
    Executed(u64),
    /// `racewalk: known findings met: 1024`, which our target says now and then.
    Known(u64),
    /// `artifact_prefix='…'; Test unit written to FILE`
    Artifact(PathBuf),
    /// Anything else: a panic's message, a stack, an error.
    Other,
}

impl Said {
    /// Reads a line.
    pub(super) fn read(line: &str) -> Said {
        if let Some(figures) = line.strip_prefix('#').and_then(figures) {
            return Said::Figures(figures);
        }
        if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
            return count.trim().parse().map_or(Said::Other, Said::Executed);
        }
        if let Some(count) = line.strip_prefix("racewalk: known findings met:") {
            return count.trim().parse().map_or(Said::Other, Said::Known);
        }
        match line.split_once("Test unit written to ") {
            Some((_, path)) => Said::Artifact(PathBuf::from(path.trim_end())),
            None => Said::Other,
        }
    }
}

fn figures(line: &str) -> Option<Figures> {
    if !line.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let mut words = line.split_whitespace();
    let mut figures = Figures { executions: words.next()?.parse().ok()?, ..Figures::default() };
    while let Some(word) = words.next() {
        let field = match word {
            "cov:" => &mut figures.edges,
            "ft:" => &mut figures.features,
            "corp:" => &mut figures.corpus,
            "exec/s:" => &mut figures.rate,
            _ => continue,
        };
        let digits = words.next()?.split('/').next()?;
        *field = digits.parse().ok()?;
    }
    Some(figures)
}

#[cfg(test)]
mod tests {
    use super::{Figures, Said};

    #[track_caller]
    fn check(line: &str, said: Said) {
        assert_eq!(Said::read(line), said);
    }

    #[test]
    fn reads_a_status_line() {
        check(
            "#77347\tREDUCE cov: 3082 ft: 17149 corp: 2572/866Kb lim: 968 exec/s: 7734 rss: 39Mb L: 419/968 MS: 2 ChangeBit-",
            Said::Figures(Figures {
                executions: 77347,
                edges: 3082,
                features: 17149,
                corpus: 2572,
                rate: 7734,
            }),
        );
    }

    #[test]
    fn reads_a_line_with_few_figures() {
        check(
            "#2\tINITED exec/s: 0 rss: 30Mb",
            Said::Figures(Figures { executions: 2, ..Figures::default() }),
        );
    }

    #[test]
    fn reads_the_final_count() {
        check("stat::number_of_executed_units: 78820", Said::Executed(78820));
    }

    #[test]
    fn reads_how_many_known_findings_were_met() {
        check("racewalk: known findings met: 1024", Said::Known(1024));
    }

    #[test]
    fn finds_the_artifact() {
        check(
            "artifact_prefix='a b/'; Test unit written to a b/crash-00ff",
            Said::Artifact("a b/crash-00ff".into()),
        );
    }

    #[test]
    fn anything_else_is_other() {
        for line in
            ["", "#", "#x NEW", "# 12", "INFO: Seed: 1", "stat::number_of_executed_units: many"]
        {
            check(line, Said::Other);
        }
    }
}
