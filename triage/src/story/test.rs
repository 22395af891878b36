//! The generated test: the program as Rust code that can be kept beside a fix.

use racewalk::prog::Program;
use racewalk::{Outcome, Variant};

use crate::departure::Reference;

/// A file of tests: the program fails where it fails, and is clean where it is clean.
pub(super) fn source(program: &Program, outcome: &Outcome, right: Option<&Reference>) -> String {
    let kernel = Variant::of(program);
    let verdict = outcome.verdict.name();
    let name: String = program
        .head
        .title
        .as_deref()
        .unwrap_or(verdict)
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect();
    let text = racewalk::print_program(program);
    let mut source = format!(
        "//! {title}\n\n\
         use racewalk::{{Era, Machine, Options, Variant, parse}};\n\n\
         const PROGRAM: &str = r#\"{text}\"#;\n\n\
         fn verdict(kernel: Option<Variant>) -> &'static str {{\n    \
             let program = parse(PROGRAM).expect(\"the text is a program\").program;\n    \
             let options = Options {{ variant: kernel, ..Options::default() }};\n    \
             Machine::new().run(&program, &options).verdict.name()\n\
         }}\n\n\
         /// It shows on {kernel}.\n\
         #[test]\n\
         fn {name}() {{\n    \
             assert_eq!(verdict(None), \"{verdict}\");\n\
         }}\n",
        title = program.head.title.as_deref().unwrap_or(verdict),
    );
    let (era, note) = match right {
        Some(right) => (right.variant.era, String::new()),
        None => {
            (kernel.era, "#[ignore = \"no kernel is known on which it is clean\"]\n".to_owned())
        }
    };
    source += &format!(
        "\n/// What a fix has to come to.\n#[test]\n{note}fn {name}_is_cured() {{\n    \
             let fixed = Era::from_name(\"{era}\").map(Variant::era);\n    \
             assert!(fixed.is_some());\n    \
             assert_eq!(verdict(fixed), \"clean\");\n\
         }}\n",
        era = era.name(),
    );
    source
}
