//! A reader takes bytes for programs, and programs for bytes, as one target does.

use super::{Target, litmus, schedule};
use crate::prog::{self, Program};

/// The reader of one target. All memory is reused.
#[derive(Debug)]
pub struct Reader {
    target: Target,
    litmus: Vec<Program>,
    bent: Vec<u8>,
}

impl Reader {
    /// The reader of a target.
    pub fn new(target: Target) -> Reader {
        let litmus = if target == Target::Schedule { litmus::programs() } else { Vec::new() };
        Reader { target, litmus, bent: Vec::new() }
    }

    /// The target.
    pub fn target(&self) -> Target {
        self.target
    }

    /// Takes bytes for a program; any bytes are one.
    pub fn read(&mut self, bytes: &[u8], program: &mut Program) {
        match (self.target, self.target.theme()) {
            (Target::Schedule, _) => schedule::read(bytes, &self.litmus, program),
            (_, Some(theme)) => {
                theme.bend(bytes, &mut self.bent);
                prog::decode_into(&self.bent, program);
            }
            (_, None) => prog::decode_into(bytes, program),
        }
    }

    /// The bytes of a program, if there are bytes that this target takes for it.
    pub fn write(&mut self, program: &Program) -> Option<Vec<u8>> {
        let bytes = match self.target {
            Target::Schedule => schedule::write(program, &self.litmus)?,
            _ => prog::encode(program).ok()?,
        };
        let mut again = Program::default();
        self.read(&bytes, &mut again);
        let same = again.setup == program.setup
            && again.cpus == program.cpus
            && again.schedule == program.schedule
            && again.head.hpn == program.head.hpn
            && again.head.axes == program.head.axes
            && again.head.policy == program.head.policy
            && again.head.seed == program.head.seed;
        same.then_some(bytes)
    }
}
