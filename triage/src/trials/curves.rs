//! Survival curves: which share of the trials has not detected its bug after so long.

use std::fmt::Write;

use maud::{Markup, html};

use super::table::Row;
use super::{Trial, Way};
use crate::story::frame;

/// The picture: width, height, and what is left for the axes.
const SIZE: (f64, f64) = (460.0, 220.0);
const MARGIN: f64 = 34.0;
/// The first second that is shown; the axis is logarithmic.
const FIRST: f64 = 0.01;
const COLOURS: [&str; 8] =
    ["#1f6f8b", "#c8553d", "#588157", "#8e5a9b", "#b08900", "#4c4c4c", "#2a9d8f", "#9d4b2a"];

fn colour(way: Way) -> &'static str {
    COLOURS[way as usize % COLOURS.len()]
}

fn x(seconds: f64, last: f64) -> f64 {
    let share = (seconds.max(FIRST) / FIRST).ln() / (last / FIRST).ln();
    MARGIN + share * (SIZE.0 - MARGIN - 6.0)
}

fn y(share: f64) -> f64 {
    6.0 + (1.0 - share) * (SIZE.1 - MARGIN - 6.0)
}

/// The steps of one curve, as an SVG path.
fn path(trials: &[&Trial], last: f64) -> String {
    let mut found: Vec<f64> =
        trials.iter().filter_map(|trial| Some(trial.detected.as_ref()?.0.seconds)).collect();
    found.sort_by(f64::total_cmp);
    let mut path = format!("M{:.1} {:.1}", x(0.0, last), y(1.0));
    for (n, seconds) in (1..).zip(found) {
        let left = 1.0 - f64::from(n) / trials.len() as f64;
        let _ = write!(path, "H{:.1}V{:.1}", x(seconds, last), y(left));
    }
    let _ = write!(path, "H{:.1}", x(last, last));
    path
}

fn picture(title: &str, curves: &[(Way, Vec<&Trial>)], last: f64) -> Markup {
    let ticks = [0.01, 0.1, 1.0, 10.0, 60.0, 600.0].into_iter().filter(|&s| s <= last);
    let ticks: Vec<(f64, String)> = ticks.map(|s| (x(s, last), format!("{s} s"))).collect();
    html! {
        figure {
            figcaption { (title) }
            svg width=(SIZE.0) height=(SIZE.1) role="img" aria-label=(title) {
                @for share in [0.0, 0.5, 1.0] {
                    line x1=(MARGIN) x2=(SIZE.0 - 6.0) y1=(y(share)) y2=(y(share)) stroke="#ddd";
                    text x="2" y=(y(share) + 4.0) font-size="10" { (format!("{:.0} %", share * 100.0)) }
                }
                @for (at, label) in &ticks {
                    line x1=(at) x2=(at) y1=(y(1.0)) y2=(y(0.0)) stroke="#eee";
                    text x=(at) y=(SIZE.1 - 14.0) font-size="10" text-anchor="middle" { (label) }
                }
                @for (way, trials) in curves {
                    path d=(path(trials, last)) fill="none" stroke=(colour(*way)) stroke-width="1.8" {
                        title { (way.name()) }
                    }
                }
            }
        }
    }
}

/// The page: the table, a picture of all exhibits, and one of each.
pub(crate) fn page(rows: &[Row], trials: &[Trial], command: &str) -> Markup {
    let last = trials.iter().map(|trial| trial.ended.seconds).fold(1.0, f64::max);
    let mut ways: Vec<Way> = rows.iter().map(|row| row.way).collect();
    ways.sort_unstable();
    ways.dedup();
    let of = |way: Way, exhibit: Option<&str>| {
        let mine = |trial: &&Trial| {
            trial.way == way.name() && exhibit.is_none_or(|name| trial.exhibit == name)
        };
        (way, trials.iter().filter(mine).collect::<Vec<_>>())
    };
    let curves =
        |exhibit: Option<&str>| ways.iter().map(|&way| of(way, exhibit)).collect::<Vec<_>>();
    let mut names: Vec<&str> = rows.iter().map(|row| row.exhibit.name).collect();
    names.dedup();
    let body = html! {
        h1 { "The zoo" }
        p.meta { code { (command) } }
        p { "The share of trials that have not detected their bug yet, by time." }
        p {
            @for way in &ways { span style=(format!("color:{}", colour(*way))) { "■ " (way.name()) } " \u{a0} " }
        }
        (picture("all exhibits", &curves(None), last))
        @for name in names { (picture(name, &curves(Some(name)), last)) }
        h2 { "Table" }
        pre { (super::table::text(rows)) }
    };
    frame("The zoo", &body)
}

#[cfg(test)]
mod tests {
    use super::{path, x, y};
    use crate::trials::table::tests::trial;

    #[test]
    fn a_curve_falls_by_a_step_for_each_detection_and_ends_with_the_time() {
        let trials = [trial(Some(10.0)), trial(None), trial(Some(1.0)), trial(None)];
        let path = path(&trials.iter().collect::<Vec<_>>(), 60.0);
        let expected = format!(
            "M{:.1} {:.1}H{:.1}V{:.1}H{:.1}V{:.1}H{:.1}",
            x(0.0, 60.0),
            y(1.0),
            x(1.0, 60.0),
            y(0.75),
            x(10.0, 60.0),
            y(0.5),
            x(60.0, 60.0)
        );
        assert_eq!(path, expected);
    }
}
