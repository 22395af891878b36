//! The codec: bytes, text and records must be the same program.

use racewalk::prog::{self, Document, Program, Theme, fixup, theme};
use racewalk::{parse, print, print_program};

/// The oracle's name.
pub(crate) const ORACLE: &str = "codec";

/// Where bytes, text and program are not the same; `None`: nowhere.
pub(crate) fn disagreement(bytes: &[u8]) -> Option<&'static str> {
    let program = prog::decode(bytes);
    [wire(&program), text(&program), themes(bytes), source(bytes)].into_iter().flatten().next()
}

/// What is decoded is well-formed, and its bytes are canonical.
fn wire(program: &Program) -> Option<&'static str> {
    let mut fixed = program.clone();
    fixup(&mut fixed);
    if fixed != *program {
        return Some("fixup");
    }
    let Ok(canonical) = prog::encode(program) else { return Some("encode") };
    (prog::decode(&canonical) != *program).then_some("decode")
}

/// What is printed parses to the same program.
fn text(program: &Program) -> Option<&'static str> {
    let same = parse(&print_program(program)).is_ok_and(|document| document.program == *program);
    (!same).then_some("print")
}

/// What a theme has bent once it leaves alone.
fn themes(bytes: &[u8]) -> Option<&'static str> {
    let settled = |theme: &Theme| {
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        theme.bend(bytes, &mut once);
        theme.bend(&once, &mut twice);
        once == twice
    };
    let all = [theme::COLLAPSE, theme::ABORT, theme::FAULT];
    (!all.iter().all(settled)).then_some("bend")
}

/// Any text parses or is refused at a place inside it, and what parses is printed as text that means the same.
fn source(bytes: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(bytes).ok()?;
    match parse(text) {
        Ok(document) => {
            let printed = print(&document);
            let again = parse(&printed).map(|again: Document| (print(&again), again.program));
            (again.ok() != Some((printed, document.program))).then_some("parse")
        }
        Err(error) => (error.offset > text.len()).then_some("parse_error"),
    }
}

#[cfg(test)]
mod tests {
    use super::disagreement;

    #[test]
    fn forms_of_a_program_agree() {
        let text = include_bytes!("../../corpus/found/zap_drops_dirty.rw");
        for bytes in [&[][..], &[0xff; 400], &[0x20; 33], &text[..], b"racewalk 1\n", b"a\xc3\xa4"]
        {
            assert_eq!(disagreement(bytes), None);
        }
    }
}
