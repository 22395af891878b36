//! A scene is a ready-made set-up from which short inputs can race at once.

use super::op::{
    Access, Advice, At, Backing, FileKind, FileRef, MapFlags, MmRef, Op, Prot, UffdModes, VmaRef,
};
use super::setup::{Mapped, Setup};
use super::size::Size;

/// A ready-made set-up.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// What it shows, in a few words.
    pub title: &'static str,
    /// Its items.
    pub items: &'static [Setup],
}

/// The scenes in the order of the byte form, which counts from 1; its 0 stands for "no scene".
///
/// All have one address space and one file of a huge unit in huge folios, mapped at `1h` by small entries, unless the
/// title says otherwise.
pub static SCENES: &[Scene] = &[
    Scene { title: "shared", items: &[MM, FILE, SHARED, table(0), populate(0)] },
    Scene { title: "private", items: &[MM, FILE, PRIVATE, table(0), populate(0)] },
    Scene {
        title: "private, one page written, hence copied",
        items: &[MM, FILE, PRIVATE, table(0), populate(0), write(0, 1)],
    },
    Scene {
        title: "one file mapped twice in one mm, shared and private",
        items: &[
            MM,
            FILE,
            SHARED,
            file_at(0, Mapped::Private(F0), 2),
            table(0),
            populate(0),
            table(1),
            populate(1),
        ],
    },
    Scene {
        title: "private, two pages read, the others not present",
        items: &[MM, FILE, PRIVATE, table(0), read(0, 0), read(0, 2)],
    },
    Scene {
        title: "one file in two mms, shared in one, private in the other",
        items: &[
            MM,
            MM,
            FILE,
            SHARED,
            file_at(1, Mapped::Private(F0), 1),
            table(0),
            populate(0),
            table(1),
            populate(1),
        ],
    },
    Scene {
        title: "private, and anonymous memory at 3h with pages written",
        items: &[MM, FILE, PRIVATE, ANON, table(0), populate(0), write(1, 0), write(1, 1)],
    },
    Scene {
        title: "shared, one page mapped in the secondary MMU too",
        items: &[MM, FILE, SHARED, table(0), populate(0), KVM],
    },
    Scene { title: "shared, of small folios", items: &[MM, SMALL, SHARED, populate(0)] },
    Scene {
        title: "of small folios in two mms, shared in one, private in the other",
        items: &[
            MM,
            MM,
            SMALL,
            SHARED,
            file_at(1, Mapped::Private(F0), 1),
            populate(0),
            read(1, 1),
        ],
    },
    Scene {
        title: "shared and private, with two pages and holes",
        items: &[MM, EMPTY, SHARED, file_at(0, Mapped::Private(F0), 2), write(0, 0), write(0, 2)],
    },
    Scene {
        title: "of small folios, shared, one page mapped in the secondary MMU too",
        items: &[MM, SMALL, SHARED, populate(0), KVM],
    },
    Scene { title: "a huge page of anonymous memory", items: &[MM, HUGE_ANON, write(0, 1)] },
    Scene { title: "anonymous memory that may be huge, read", items: &[MM, HUGE_ANON, read(0, 0)] },
    Scene {
        title: "private, and a huge page of anonymous memory",
        items: &[MM, FILE, PRIVATE, HUGE_ANON, table(0), populate(0), write(1, 0)],
    },
    Scene {
        title: "small pages of anonymous memory that may be huge, with holes",
        items: &[MM, HUGE_ANON, table(0), write(0, 0), write(0, 1), write(0, 3), DRAIN],
    },
    Scene {
        title: "the text of a program, in a regular file of small folios",
        items: &[MM, file_kind(FileKind::Regular, Backing::Small), TEXT, read(0, 0)],
    },
    Scene {
        title: "the text of a program, in a regular file of a huge folio",
        items: &[MM, file_kind(FileKind::Regular, Backing::Huge), TEXT, table(0), populate(0)],
    },
    Scene {
        title: "a file of shmem with holes, that may get huge pages",
        items: &[MM, EMPTY, SHARED_HUGE, file_at(0, Mapped::Private(F0), 2)],
    },
    Scene {
        title: "anonymous memory with pages written, and a child that is not born",
        items: &[MM, UNBORN, ANON, child_at(3), write(0, 0), write(0, 1)],
    },
    Scene {
        title: "private, of small folios, one page written, and a child that is not born",
        items: &[MM, UNBORN, SMALL, PRIVATE, child_at(1), populate(0), write(0, 1)],
    },
    Scene {
        title: "a huge page of anonymous memory, and a child that is not born",
        items: &[MM, UNBORN, HUGE_ANON, child_at(3), write(0, 1)],
    },
    Scene {
        title: "shared, and room to move to",
        items: &[MM, FILE, SHARED, ROOM, table(0), populate(0)],
    },
    Scene {
        title: "of small folios, private, one page written, and room to move to",
        items: &[MM, SMALL, PRIVATE, ROOM, populate(0), write(0, 1)],
    },
    Scene {
        title: "a huge page of anonymous memory, and room to move to",
        items: &[MM, HUGE_ANON, ROOM, write(0, 1)],
    },
    Scene {
        title: "userfaultfd: shared, and registered, with two pages and holes",
        items: &[
            MM,
            EMPTY,
            SHARED,
            file_at(0, Mapped::Shared(F0), 2),
            write(0, 0),
            write(0, 2),
            UFFD,
        ],
    },
    Scene {
        title: "userfaultfd: private, of a huge page",
        items: &[MM, FILE, PRIVATE, table(0), populate(0), UFFD_MINOR],
    },
    Scene {
        title: "userfaultfd: of small folios in two mms, shared in one, registered for writes in the other",
        items: &[
            MM,
            MM,
            SMALL,
            SHARED,
            file_at(1, Mapped::Shared(F0), 1),
            populate(0),
            populate(1),
            Setup::Do(Op::UffdRegister { at: page(1, 0), len: Size::ZERO, modes: UffdModes::WP }),
        ],
    },
    Scene {
        title: "userfaultfd: anonymous memory",
        items: &[MM, HUGE_ANON, write(0, 1), UFFD_ANON],
    },
];

/// The scene of a program that has no vma of its own.
pub(super) fn default() -> &'static [Setup] {
    SCENES[0].items
}

const M0: MmRef = MmRef(0);
const F0: FileRef = FileRef(0);
const ONE: Size = Size::huge(1);

const MM: Setup = Setup::Mm { unborn: false };
const UNBORN: Setup = Setup::Mm { unborn: true };
const FILE: Setup = file_of(Backing::Huge);
const SMALL: Setup = file_of(Backing::Small);
const EMPTY: Setup = file_of(Backing::Empty);
const NO_FLAGS: MapFlags = MapFlags(0);

const fn file_of(backing: Backing) -> Setup {
    file_kind(FileKind::Shmem, backing)
}

const fn file_kind(kind: FileKind, backing: Backing) -> Setup {
    Setup::File { len: ONE, kind, backing }
}

const TEXT: Setup = Setup::Mmap {
    mm: M0,
    what: Mapped::Private(F0),
    at: ONE,
    len: ONE,
    off: Size::ZERO,
    prot: Prot::Rx,
    flags: NO_FLAGS,
};
const SHARED_HUGE: Setup = Setup::Mmap {
    mm: M0,
    what: Mapped::Shared(F0),
    at: ONE,
    len: ONE,
    off: Size::ZERO,
    prot: Prot::Rw,
    flags: MapFlags::HUGEPAGE,
};

const SHARED: Setup = file_at(0, Mapped::Shared(F0), 1);
const PRIVATE: Setup = file_at(0, Mapped::Private(F0), 1);
const ANON: Setup = Setup::Mmap {
    mm: M0,
    what: Mapped::Anon,
    at: Size::huge(3),
    len: ONE,
    off: Size::ZERO,
    prot: Prot::Rw,
    flags: NO_FLAGS,
};
const HUGE_ANON: Setup = Setup::Mmap {
    mm: M0,
    what: Mapped::Anon,
    at: Size::huge(3),
    len: Size::huge(2),
    off: Size::ZERO,
    prot: Prot::Rw,
    flags: MapFlags::HUGEPAGE,
};
const DRAIN: Setup = Setup::Do(Op::LruDrain);
const ROOM: Setup = Setup::Mmap {
    mm: M0,
    what: Mapped::Reserved,
    at: Size::huge(6),
    len: Size::huge(2),
    off: Size::ZERO,
    prot: Prot::Rw,
    flags: NO_FLAGS,
};
const KVM: Setup = Setup::Do(Op::KvmFault { at: page(0, 1), access: Access::Read });

const UFFD: Setup = Setup::Do(Op::UffdRegister {
    at: page(1, 0),
    len: Size::ZERO,
    modes: UffdModes::MISSING.with(UffdModes::WP),
});
const UFFD_MINOR: Setup = Setup::Do(Op::UffdRegister {
    at: page(0, 0),
    len: Size::ZERO,
    modes: UffdModes::MISSING.with(UffdModes::MINOR),
});
const UFFD_ANON: Setup = Setup::Do(Op::UffdRegister {
    at: page(0, 0),
    len: Size::ZERO,
    modes: UffdModes::MISSING.with(UffdModes::WP),
});

const fn file_at(mm: u8, what: Mapped, unit: u8) -> Setup {
    let (at, off) = (Size::huge(unit), Size::ZERO);
    Setup::Mmap { mm: MmRef(mm), what, at, len: ONE, off, prot: Prot::Rw, flags: NO_FLAGS }
}

/// Where the child's copy will be.
const fn child_at(unit: u8) -> Setup {
    let (at, off) = (Size::huge(unit), Size::ZERO);
    let (what, prot) = (Mapped::Reserved, Prot::Rw);
    Setup::Mmap { mm: MmRef(1), what, at, len: ONE, off, prot, flags: NO_FLAGS }
}

const fn page(vma: u8, p: u8) -> At {
    At { vma: VmaRef(vma), h: 0, p }
}

/// With a table in place, populating maps the huge folio by small entries.
const fn table(vma: u8) -> Setup {
    Setup::Do(Op::PteAlloc { at: page(vma, 0) })
}

const fn populate(vma: u8) -> Setup {
    Setup::Do(Op::Madvise { at: page(vma, 0), len: Size::ZERO, advice: Advice::PopulateRead })
}

const fn read(vma: u8, p: u8) -> Setup {
    Setup::Do(Op::Read { at: page(vma, p) })
}

const fn write(vma: u8, p: u8) -> Setup {
    Setup::Do(Op::Write { at: page(vma, p) })
}
