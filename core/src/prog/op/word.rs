//! An argument that is one word of a few.

use arbitrary::{Arbitrary, Result, Unstructured};

/// An argument that is one word of a few.
pub trait Word {
    /// What it is, with its article.
    fn what(&self) -> &'static str;
    /// The words, in the order of the byte form.
    fn words(&self) -> &'static [&'static str];
    /// Which of them it is.
    fn index(&self) -> usize;
    /// Makes it another one; numbers beyond the last are reduced.
    fn set(&mut self, index: usize);
    /// Whether text must say it.
    fn is_required(&self) -> bool;
    /// Whether canonical text says it.
    fn is_shown(&self) -> bool;
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident $what:literal $need:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All of them; the byte form counts in this order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];
            /// Their words in program text.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// The word in program text.
            pub const fn name(self) -> &'static str {
                $name::WORDS[self as usize]
            }
        }

        /// One byte; a derived enum would read four and leave the record.
        impl<'a> Arbitrary<'a> for $name {
            fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                Ok($name::ALL[u8::arbitrary(u)? as usize % $name::ALL.len()])
            }

            fn size_hint(_depth: usize) -> (usize, Option<usize>) {
                (1, Some(1))
            }
        }

        impl Word for $name {
            fn what(&self) -> &'static str {
                $what
            }

            fn words(&self) -> &'static [&'static str] {
                $name::WORDS
            }

            fn index(&self) -> usize {
                *self as usize
            }

            fn set(&mut self, index: usize) {
                *self = $name::ALL[index % $name::ALL.len()];
            }

            fn is_required(&self) -> bool {
                stringify!($need) == "required"
            }

            fn is_shown(&self) -> bool {
                stringify!($need) != "flag" || self.index() != 0
            }
        }
    )* };
}

words! {
    /// What an `madvise` asks for.
    Advice "an advice" required {
        /// `MADV_DONTNEED`: zap the range.
        #[default]
        Dontneed = "dontneed",
        /// `MADV_COLLAPSE`: make a huge page of the range now.
        Collapse = "collapse",
        /// `MADV_POPULATE_READ`: fault the range in for reading.
        PopulateRead = "populate_read",
        /// `MADV_POPULATE_WRITE`: fault the range in for writing.
        PopulateWrite = "populate_write",
    }

    /// How memory is accessed.
    Access "a kind of access" optional {
        /// For reading.
        #[default]
        Read = "read",
        /// For writing.
        Write = "write",
    }
}

impl Access {
    /// Whether it is a write.
    pub const fn is_write(self) -> bool {
        matches!(self, Access::Write)
    }
}
