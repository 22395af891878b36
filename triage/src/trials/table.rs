//! The table: for each exhibit and policy how many seeds came how far, and how long it took them.

use std::collections::BTreeMap;

use racewalk::Exhibit;
use serde_json::{Value, json};

use super::{Trial, Way};

/// The seeds of one exhibit under one policy.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) exhibit: &'static Exhibit,
    pub(crate) way: Way,
    pub(crate) seeds: usize,
    /// `None`: nobody can know it of an engine.
    pub(crate) reached: Option<usize>,
    pub(crate) triggered: Option<usize>,
    pub(crate) detected: usize,
    /// Of all seeds, those that detected nothing being the last; `None` if they are the middle one.
    pub(crate) runs: Option<u64>,
    pub(crate) seconds: Option<f64>,
    /// The fastest and the slowest that detected it.
    pub(crate) spread: Option<(f64, f64)>,
    /// What it was detected by, and how often.
    pub(crate) oracles: BTreeMap<String, usize>,
}

impl Row {
    /// The row of these trials.
    pub(crate) fn of(exhibit: &'static Exhibit, way: Way, trials: &[&Trial]) -> Row {
        let count = |is: &dyn Fn(&Trial) -> bool| trials.iter().filter(|trial| is(trial)).count();
        let mut seconds: Vec<f64> = Vec::new();
        let mut runs: Vec<u64> = Vec::new();
        let mut oracles = BTreeMap::new();
        for (after, oracle) in trials.iter().filter_map(|trial| trial.detected.as_ref()) {
            seconds.push(after.seconds);
            runs.push(after.runs);
            *oracles.entry(oracle.clone()).or_default() += 1;
        }
        seconds.sort_by(f64::total_cmp);
        runs.sort_unstable();
        let middle = trials.len() / 2;
        Row {
            exhibit,
            way,
            seeds: trials.len(),
            reached: (!way.is_engine()).then(|| count(&|trial| trial.reached.is_some())),
            triggered: (!way.is_engine()).then(|| count(&|trial| trial.triggered.is_some())),
            detected: seconds.len(),
            runs: runs.get(middle).copied(),
            seconds: seconds.get(middle).copied(),
            spread: seconds.first().copied().zip(seconds.last().copied()),
            oracles,
        }
    }

    fn text(&self, width: usize) -> String {
        let of = |count: usize| format!("{count}/{}", self.seeds);
        let known = |count: Option<usize>| count.map_or_else(|| "-".to_owned(), of);
        let seconds = |s: f64| if s < 10.0 { format!("{s:.2}") } else { format!("{s:.0}") };
        let spread = self.spread.map(|(from, to)| format!("{}-{}", seconds(from), seconds(to)));
        let oracles: Vec<&str> = self.oracles.keys().map(String::as_str).collect();
        let line = format!(
            "{:width$}  {:15} {:>7} {:>9} {:>8} {:>10} {:>8} {:>12}  {}",
            self.exhibit.name,
            self.way.name(),
            known(self.reached),
            known(self.triggered),
            of(self.detected),
            self.runs.map_or_else(|| "-".to_owned(), |runs| runs.to_string()),
            self.seconds.map_or_else(|| "-".to_owned(), seconds),
            spread.unwrap_or_else(|| "-".to_owned()),
            oracles.join(" "),
        );
        line.trim_end().to_owned()
    }

    fn json(&self) -> Value {
        json!({
            "exhibit": self.exhibit.name,
            "family": self.exhibit.family.name(),
            "preemptions": self.exhibit.preemptions,
            "policy": self.way.name(),
            "seeds": self.seeds,
            "reached": self.reached,
            "triggered": self.triggered,
            "detected": self.detected,
            "median_runs": self.runs,
            "median_seconds": self.seconds,
            "spread_seconds": self.spread,
            "oracles": self.oracles,
        })
    }
}

/// How many exhibits a policy detects with nearly all seeds.
#[derive(Debug)]
struct Sum {
    way: Way,
    exhibits: usize,
    /// Those that need at most two preemptions, and of them those that nine of ten seeds detect.
    easy: (usize, usize),
    /// Those that eight of ten seeds detect.
    most: usize,
}

impl Sum {
    fn of(way: Way, rows: &[Row]) -> Sum {
        let mine = || rows.iter().filter(|row| row.way == way && row.seeds > 0);
        let easy = || mine().filter(|row| row.exhibit.preemptions <= 2);
        Sum {
            way,
            exhibits: mine().count(),
            easy: (easy().count(), easy().filter(|row| row.detected * 10 >= row.seeds * 9).count()),
            most: mine().filter(|row| row.detected * 10 >= row.seeds * 8).count(),
        }
    }
}

fn sums(rows: &[Row]) -> Vec<Sum> {
    let mut ways: Vec<Way> = rows.iter().map(|row| row.way).collect();
    ways.sort_unstable();
    ways.dedup();
    ways.into_iter().map(|way| Sum::of(way, rows)).collect()
}

/// As text.
pub(crate) fn text(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.exhibit.name.len()).max().unwrap_or(0).max(7);
    let mut text = format!(
        "{:width$}  {:15} {:>7} {:>9} {:>8} {:>10} {:>8} {:>12}  {}\n",
        "exhibit",
        "policy",
        "reached",
        "triggered",
        "detected",
        "runs",
        "seconds",
        "spread",
        "oracles"
    );
    rows.iter().for_each(|row| text += &format!("{}\n", row.text(width)));
    text += "\nMedians of all seeds; `-`: the middle one detected nothing, or nobody can know.\n";
    for Sum { way, exhibits, easy, most } in sums(rows) {
        text += &format!(
            "{}: {} of {} exhibits that need at most 2 preemptions by 9 of 10 seeds; {most} of {exhibits} exhibits by 8 of 10\n",
            way.name(),
            easy.1,
            easy.0,
        );
    }
    text
}

/// As JSON.
pub(crate) fn json(rows: &[Row]) -> Value {
    let sum = |sum: Sum| {
        json!({
            "policy": sum.way.name(),
            "exhibits": sum.exhibits,
            "at_most_2_preemptions": sum.easy.0,
            "of_those_by_9_of_10": sum.easy.1,
            "by_8_of_10": sum.most,
        })
    };
    json!({
        "rows": rows.iter().map(Row::json).collect::<Vec<_>>(),
        "policies": sums(rows).into_iter().map(sum).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Row, text};
    use crate::trials::trial::After;
    use crate::trials::{Trial, Way};
    use racewalk::EXHIBITS;

    /// A trial that detected the bug after so many seconds, or did not in a minute.
    pub(in crate::trials) fn trial(seconds: Option<f64>) -> Trial {
        let after = |seconds: f64| After { runs: (seconds * 1000.0) as u64, seconds };
        Trial {
            key: String::new(),
            exhibit: EXHIBITS[0].name.to_owned(),
            way: "pct".to_owned(),
            seed: 1,
            ended: after(seconds.unwrap_or(60.0)),
            reached: Some(after(0.5)),
            triggered: None,
            detected: seconds.map(|seconds| (after(seconds), "lost_write".to_owned())),
        }
    }

    #[test]
    fn the_median_counts_those_that_detected_nothing() {
        let row = |found: &[Option<f64>]| {
            let trials: Vec<Trial> = found.iter().copied().map(trial).collect();
            Row::of(&EXHIBITS[0], Way::Pct, &trials.iter().collect::<Vec<_>>())
        };
        let most = row(&[Some(3.0), None, Some(1.0)]);
        assert_eq!((most.detected, most.seconds, most.spread), (2, Some(3.0), Some((1.0, 3.0))));
        let few = row(&[None, None, Some(1.0)]);
        assert_eq!((few.detected, few.seconds, few.runs), (1, None, None));
        assert!(text(&[few]).contains("0 of 1 exhibits by 8 of 10"));
        assert!(text(&[row(&[Some(1.0); 9])]).contains("1 of 1 exhibits by 8 of 10"));
    }
}
