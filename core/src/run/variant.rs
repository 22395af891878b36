//! A variant: an era of the kernel, less the protections that are left out, with exhibits of the zoo let in.

use crate::mm::steps::{Era, PROTECTIONS, Protection, Steps};
use crate::prog::{ExhibitName, Head, KernelName, Program, StepName};
use crate::zoo::{EXHIBITS, Exhibit};

/// What is under test.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The era.
    pub era: Era,
    /// What is left out of it.
    pub without: Vec<&'static Protection>,
    /// What is let in.
    pub zoo: Vec<&'static Exhibit>,
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
            && self.zoo.iter().map(|e| e.name).eq(other.zoo.iter().map(|e| e.name))
    }
}

impl std::fmt::Display for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.era.name())?;
        self.without.iter().try_for_each(|protection| write!(f, " without {}", protection.name))?;
        self.zoo.iter().try_for_each(|exhibit| write!(f, " with {}", exhibit.name))
    }
}

impl Variant {
    /// An era with all that it has.
    pub fn era(era: Era) -> Variant {
        Variant { era, without: Vec::new(), zoo: Vec::new() }
    }

    /// The era of an exhibit with it let in.
    pub fn exhibit(exhibit: &'static Exhibit) -> Variant {
        Variant { zoo: vec![exhibit], ..Variant::era(exhibit.era) }
    }

    /// The wrong variant that a name stands for: an exhibit of the zoo, or a protection that v6.6, or else the first era
    /// that has it, lacks.
    pub fn named(name: &str) -> Option<Variant> {
        if let Some(exhibit) = Exhibit::from_name(name) {
            return Some(Variant::exhibit(exhibit));
        }
        let protection = Protection::from_name(name)?;
        let eras = protection.eras;
        let era = eras.iter().find(|&&era| era == Era::V66).or(eras.first())?;
        Some(Variant { without: vec![protection], ..Variant::era(*era) })
    }

    /// What the program's header asks for. Without a `kernel` it is that of the first exhibit, or v6.6.
    pub fn of(program: &Program) -> Variant {
        let era = program.head.kernel.and_then(|name| Era::ALL.get(usize::from(name.0)).copied());
        let without = program
            .head
            .without
            .iter()
            .filter_map(|name| PROTECTIONS.get(usize::from(name.0)))
            .collect();
        let zoo: Vec<&'static Exhibit> =
            program.head.zoo.iter().filter_map(|name| EXHIBITS.get(usize::from(name.0))).collect();
        let own = zoo.first().map_or(Era::V66, |exhibit| exhibit.era);
        Variant { era: era.unwrap_or(own), without, zoo }
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
        head.zoo = self
            .zoo
            .iter()
            .filter_map(|wanted| EXHIBITS.iter().position(|e| e.name == wanted.name))
            .map(|n| ExhibitName(n as u16))
            .collect();
    }

    /// The table of steps.
    pub fn steps(&self) -> Steps {
        let mut steps = self.era.steps();
        for protection in &self.without {
            (protection.leave_out)(&mut steps);
        }
        for exhibit in &self.zoo {
            exhibit.apply(&mut steps);
        }
        steps
    }
}
