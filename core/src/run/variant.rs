//! A variant: an era of the kernel, less the protections that are left out.

use crate::mm::steps::{Era, PROTECTIONS, Protection, Steps};
use crate::prog::{Head, KernelName, Program, StepName};

/// What is under test.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The era.
    pub era: Era,
    /// What is left out of it.
    pub without: Vec<&'static Protection>,
}

impl Default for Variant {
    fn default() -> Self {
        Variant::era(Era::V66)
    }
}

impl PartialEq for Variant {
    fn eq(&self, other: &Self) -> bool {
        self.era == other.era
            && self.without.iter().map(|p| p.name).eq(other.without.iter().map(|p| p.name))
    }
}

impl std::fmt::Display for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.era.name())?;
        self.without.iter().try_for_each(|protection| write!(f, " without {}", protection.name))
    }
}

impl Variant {
    /// An era with all that it has.
    pub fn era(era: Era) -> Variant {
        Variant { era, without: Vec::new() }
    }

    /// The wrong variant that a name of the zoo stands for: v6.6, or the first era that has it, without a protection.
    pub fn exhibit(name: &str) -> Option<Variant> {
        let protection = Protection::from_name(name)?;
        let eras = protection.eras;
        let era = eras.iter().find(|&&era| era == Era::V66).or(eras.first())?;
        Some(Variant { era: *era, without: vec![protection] })
    }

    /// What the program's header asks for; v6.6 if it asks for nothing.
    pub fn of(program: &Program) -> Variant {
        let era = program.head.kernel.and_then(|name| Era::ALL.get(usize::from(name.0)).copied());
        let without = program
            .head
            .without
            .iter()
            .filter_map(|name| PROTECTIONS.get(usize::from(name.0)))
            .collect();
        Variant { era: era.unwrap_or(Era::V66), without }
    }

    /// Writes itself into a program's header.
    pub fn write_to(&self, head: &mut Head) {
        head.kernel = Era::ALL.iter().position(|&era| era == self.era).map(|n| KernelName(n as u8));
        head.without = self
            .without
            .iter()
            .filter_map(|wanted| PROTECTIONS.iter().position(|p| p.name == wanted.name))
            .map(|n| StepName(n as u16))
            .collect();
    }

    /// The table of steps.
    pub fn steps(&self) -> Steps {
        let mut steps = self.era.steps();
        for protection in &self.without {
            (protection.leave_out)(&mut steps);
        }
        steps
    }
}
