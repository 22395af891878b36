//! An operation as program text writes it.

use super::slot::Slot;
use super::table::Op;
use std::fmt;

/// The call: its verb, and what must be said of its arguments.
impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.verb())?;
        let (mut result, mut comma) = (Ok(()), "");
        let mut op = *self;
        op.visit(&mut |slot| {
            if result.is_err() {
                return;
            }
            result = match &slot {
                Slot::At(at) => write!(f, "{comma}{at}"),
                Slot::Vma(vma) => write!(f, "{comma}{vma}"),
                Slot::Mm(mm) => write!(f, "{comma}{mm}"),
                Slot::File(file) => write!(f, "{comma}{file}"),
                Slot::Mapped(what) => write!(f, "{comma}{what}"),
                Slot::Nth(nth) => write!(f, "{comma}{nth}"),
                Slot::Size(role, size) if size.is_zero() && !role.is_required() => return,
                Slot::Size(role, size) => write!(f, "{comma}{}{size}", role.key()),
                Slot::Word(word) if !word.is_shown() => return,
                Slot::Word(word) => write!(f, "{comma}{}", word.text()),
            };
            comma = ", ";
        });
        result?;
        f.write_str(")")
    }
}
