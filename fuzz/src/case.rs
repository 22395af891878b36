//! A case is what an engine hands to a target: raw bytes that show themselves as program text.

use std::fmt;

use arbitrary::{Arbitrary, Unstructured};

/// The bytes of one program. `cargo fuzz fmt` prints it as text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Case<'a>(&'a [u8]);

impl<'a> Case<'a> {
    /// The bytes, any number of them.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Arbitrary<'a> for Case<'a> {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        bytes.bytes(bytes.len()).map(Case)
    }

    fn arbitrary_take_rest(bytes: Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Case(bytes.take_rest()))
    }
}

impl fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hunter::show(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Case;
    use arbitrary::{Arbitrary, Unstructured};

    #[test]
    fn takes_everything() {
        let bytes = [7, 0, 0xff, 0x20, 3];
        let case =
            Case::arbitrary_take_rest(Unstructured::new(&bytes)).expect("any bytes are a case");
        assert_eq!(case.bytes(), bytes);
        let case = Case::arbitrary(&mut Unstructured::new(&bytes)).expect("any bytes are a case");
        assert_eq!(case.bytes(), bytes);
    }

    #[test]
    fn shows_program_text() {
        let shown = format!("{:?}", Case(&[]));
        assert!(shown.starts_with("racewalk 1\n"), "{shown}");
        assert!(racewalk::parse(&shown).is_ok(), "{shown}");
    }
}
