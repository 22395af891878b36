//! The page: the story as HTML. It needs no network: style and script are in it.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use racewalk::Variant;

use super::{Story, timeline};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("hover.js");

/// The frame of every page.
pub(crate) fn frame(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) script { (PreEscaped(SCRIPT)) } }
        }
    }
}

/// The page of a story.
pub(super) fn of(story: &Story) -> Markup {
    let violation = story.outcome.verdict.violation();
    let list = |head: &str, lines: &[String]| {
        html! { @if !lines.is_empty() { h2 { (head) } ul { @for line in lines { li { code { (line) } } } } } }
    };
    let body = html! {
        h1 { (story.title()) }
        @if let Some(violation) = violation {
            p.why { (violation.oracle.why) }
            p { "Here " (violation.detail) "." }
        }
        p.meta {
            "kernel " code { (Variant::of(&story.program)) }
            @if let Some(signature) = &story.signature { ", signature " code { (signature) } }
        }
        h2 { "Timeline" }
        p.legend {
            span.read { "●" } " reads " span.change { "●" } " changes " span.wait { "●" } " waits "
            span.race { "◯" } " the racing pair, "
            span.parts { "┊" } " where the two runs part; bars are operations and locks. Point at a step to see what it is."
        }
        div.scroll { (timeline::of(&story.program, &story.outcome, story.parts_at())) }
        p #step { "\u{a0}" }
        @if let Some(right) = &story.right {
            h3 { "The same program and schedule on " (right.variant) ", which is clean" }
            div.scroll { (timeline::of(&story.program, &right.outcome, story.parts_at())) }
        }
        h2 { "Diagram" }
        div.beside {
            pre { (story.diagram()) }
            @if let Some((kernel, diagram)) = story.right_diagram() {
                pre { (kernel) ", which is clean:\n\n" (diagram) }
            } @else {
                p { "No kernel is known on which this program is clean." }
            }
        }
        (list("Where the runs part", &story.departure().into_iter().collect::<Vec<_>>()))
        (list("The racing pair", &story.race().into_iter().collect::<Vec<_>>()))
        (list("What was done to the object, the last first", &story.history()))
        (list("Still owed", &story.debts()))
        h2 { "Program" }
        pre { (story.text()) }
        h2 { "Replay" }
        pre { (story.replay) }
        h2 { "As a test" }
        pre { (story.test()) }
    };
    frame(&story.title(), &body)
}
