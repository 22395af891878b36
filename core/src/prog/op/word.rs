//! An argument that is one word of a few, or several of them.

use arbitrary::{Arbitrary, Result, Unstructured};

/// An argument that is one word of a few, or several of them.
pub trait Word {
    /// What it is, with its article.
    fn what(&self) -> &'static str;
    /// The words, in the order of the byte form.
    fn words(&self) -> &'static [&'static str];
    /// Which of them it is; of several, one bit each.
    fn index(&self) -> usize;
    /// Makes it another one; numbers beyond the last are reduced.
    fn set(&mut self, index: usize);
    /// Whether text must say it.
    fn is_required(&self) -> bool;
    /// Whether text may say several of the words.
    fn is_set(&self) -> bool;

    /// Whether canonical text says it: what text need not say, it says only where it is not the default.
    fn is_shown(&self) -> bool {
        self.is_required() || self.index() != 0
    }

    /// The words of the value.
    fn text(&self) -> String {
        let (words, index) = (self.words(), self.index());
        if !self.is_set() {
            return words[index].to_owned();
        }
        let chosen = (0..).zip(words).filter(|(bit, _)| index >> bit & 1 == 1);
        chosen.map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
    }
}

macro_rules! need {
    (required) => {
        true
    };
    (optional) => {
        false
    };
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
                need!($need)
            }

            fn is_set(&self) -> bool {
                false
            }
        }
    )* };
}

macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident $what:literal $need:ident { $($(#[$vdoc:meta])* $bit:ident = $word:literal << $shift:literal,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub struct $name(pub u8);

        impl $name {
            $($(#[$vdoc])* pub const $bit: $name = $name(1 << $shift);)*
            /// Their words in program text, from the lowest bit on.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// Whether all of `others` are among them.
            pub const fn has(self, others: $name) -> bool {
                self.0 & others.0 == others.0
            }

            /// These and those.
            #[must_use]
            pub const fn with(self, others: $name) -> $name {
                $name(self.0 | others.0)
            }

            /// These without those.
            #[must_use]
            pub const fn without(self, others: $name) -> $name {
                $name(self.0 & !others.0)
            }

            /// The nearest value that is one: at least the first word, if there must be one.
            const fn of(bits: usize) -> $name {
                let bits = bits & ((1 << $name::WORDS.len()) - 1);
                $name(if need!($need) && bits == 0 { 1 } else { bits as u8 })
            }
        }

        impl Default for $name {
            fn default() -> $name {
                $name::of(0)
            }
        }

        /// One byte.
        impl<'a> Arbitrary<'a> for $name {
            fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
                Ok($name::of(u8::arbitrary(u)?.into()))
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
                self.0.into()
            }

            fn set(&mut self, index: usize) {
                *self = $name::of(index);
            }

            fn is_required(&self) -> bool {
                need!($need)
            }

            fn is_set(&self) -> bool {
                true
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
        /// `MADV_FREE`: reclaim may drop the pages until they are written again.
        Free = "free",
        /// `MADV_REMOVE`: punch the range out of its file.
        Remove = "remove",
        /// `MADV_HUGEPAGE`: set VM_HUGEPAGE.
        Hugepage = "hugepage",
        /// `MADV_NOHUGEPAGE`: set VM_NOHUGEPAGE.
        Nohugepage = "nohugepage",
        /// `MADV_PAGEOUT`: reclaim the range now.
        Pageout = "pageout",
        /// `MADV_COLD`: deactivate the pages.
        Cold = "cold",
    }

    /// How memory is accessed.
    Access "a kind of access" optional {
        /// For reading.
        #[default]
        Read = "read",
        /// For writing.
        Write = "write",
    }

    /// What memory permits.
    Prot "a protection" required {
        /// `PROT_READ | PROT_WRITE`.
        #[default]
        Rw = "rw",
        /// `PROT_READ`.
        Ro = "ro",
        /// `PROT_READ | PROT_EXEC`.
        Rx = "rx",
        /// `PROT_NONE`.
        None = "none",
    }

    /// What get_user_pages takes.
    GupKind "a kind of reference" optional {
        /// A reference (`FOLL_GET`).
        #[default]
        Get = "get",
        /// A pin (`FOLL_PIN`).
        Pin = "pin",
        /// A pin for long (`FOLL_PIN | FOLL_LONGTERM`).
        Longterm = "longterm",
    }

    /// On or off.
    Switch "`on` or `off`" required {
        /// Off.
        #[default]
        Off = "off",
        /// On.
        On = "on",
    }

    /// What the page cache of a new file holds.
    Backing "a backing" optional {
        /// Huge folios.
        #[default]
        Huge = "huge",
        /// Order-0 folios.
        Small = "small",
        /// Nothing: every page is a hole.
        Empty = "empty",
    }

    /// Which filesystem a file is of.
    FileKind "a kind of file" optional {
        /// Shared memory (tmpfs).
        #[default]
        Shmem = "shmem",
        /// A regular one, whose huge pages are read-only.
        Regular = "regular",
    }
}

sets! {
    /// How firmly get_user_pages is asked.
    GupFlags "a flag" optional {
        /// `FOLL_FORCE`: a debugger stores to the page of a private mapping, also where the mm itself must not, and gives it
        /// back at once.
        FORCE = "force" << 0,
    }

    /// How a range is moved.
    MremapFlags "a flag" optional {
        /// `MREMAP_DONTUNMAP`: the old range stays, empty.
        DONTUNMAP = "dontunmap" << 0,
    }

    /// For what a range is registered with a userfaultfd.
    UffdModes "a mode" required {
        /// `UFFDIO_REGISTER_MODE_MISSING`.
        MISSING = "missing" << 0,
        /// `UFFDIO_REGISTER_MODE_WP`.
        WP = "wp" << 1,
        /// `UFFDIO_REGISTER_MODE_MINOR`.
        MINOR = "minor" << 2,
    }

    /// What else is true of a declared mapping from the start.
    MapFlags "a flag" optional {
        /// VM_HUGEPAGE.
        HUGEPAGE = "hugepage" << 0,
        /// VM_NOHUGEPAGE.
        NOHUGEPAGE = "nohugepage" << 1,
        /// VM_LOCKED.
        LOCKED = "locked" << 2,
        /// VM_DONTCOPY.
        DONTCOPY = "dontcopy" << 3,
        /// VM_WIPEONFORK.
        WIPEONFORK = "wipeonfork" << 4,
        /// VM_UFFD_MISSING.
        UFFD_MISSING = "uffd_missing" << 5,
        /// VM_UFFD_WP.
        UFFD_WP = "uffd_wp" << 6,
        /// VM_UFFD_MINOR.
        UFFD_MINOR = "uffd_minor" << 7,
    }
}

impl Access {
    /// Whether it is a write.
    pub const fn is_write(self) -> bool {
        matches!(self, Access::Write)
    }
}
