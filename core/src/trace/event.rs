//! An event is one thing that one CPU did, at one step of its execution.

/// A shared object: 8 bits of class, 24 bits of index within the class.
///
/// The classes belong to the layer that owns the objects (`mm::class`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct Obj(pub u32);

impl Obj {
    /// Object `index` of `class`.
    pub const fn new(class: u8, index: u32) -> Obj {
        Obj((class as u32) << 24 | (index & 0x00ff_ffff))
    }

    /// The class, as its owner numbers it.
    pub const fn class(self) -> u8 {
        (self.0 >> 24) as u8
    }

    /// The index within the class.
    pub const fn index(self) -> u32 {
        self.0 & 0x00ff_ffff
    }
}

/// A place in the code: a function that was entered or a label that was passed.
///
/// The numbers are those of `mm::place`; 0 is "nowhere in particular".
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct Place(pub u16);

/// How a lock was taken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LockMode {
    /// A spinlock or a folio lock.
    Exclusive,
    /// An rwsem, for read.
    Read,
    /// An rwsem, for write.
    Write,
}

/// A complaint of the code itself: what `VM_BUG_ON`, lockdep, KASAN or the page allocator would print.
///
/// The code that raises it does not know which oracle listens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Splat {
    /// A `VM_BUG_ON` of the kernel; the text is its condition in our words.
    VmBug(&'static str),
    /// `page_table_check` counted what must not be.
    PageTableCheck(&'static str),
    /// A lock was taken whose rank is not above all held ones.
    LockOrder {
        /// The lock with the highest rank that was held.
        held: Obj,
        /// The lock that was taken.
        taken: Obj,
    },
    /// Something that may sleep was called in atomic context.
    SleepInAtomic {
        /// The spinlock on top of the stack of held locks, or the default object.
        held: Obj,
    },
    /// A lock that the callee needs was not held.
    NotHeld(Obj),
    /// A lock was released by a CPU that does not hold it.
    NotOwner(Obj),
    /// A page table was read or written after it was freed.
    TableUseAfterFree(Obj),
    /// A non-empty entry was written into a table that is no longer linked.
    WriteToDetachedTable(Obj),
    /// A table was freed while a PMD entry still links it, or linked twice.
    TableLinkage(Obj),
    /// An entry names a table that does not exist.
    BogusTable(Obj),
    /// A value was read from an entry that it never had.
    TornEntry(Obj),
    /// A counter went below zero.
    Negative(Obj),
    /// A folio was freed while something still refers to it.
    FolioFreedInUse(Obj),
    /// A freed folio was reached through an entry, a TLB or the secondary MMU.
    FolioUseAfterFree(Obj),
    /// A VMA was touched after it was freed, or freed while it can still be found.
    VmaUseAfterFree(Obj),
    /// An anon_vma was freed while a VMA or a folio still needs it, or its lock taken after that.
    AnonVmaUseAfterFree(Obj),
    /// A lock that the callee takes itself, or must not have inside, was held.
    Held(Obj),
    /// page_table_check complains of a page, but the page tables do not bear it out.
    CheckerFalseAlarm(&'static str),
    /// A migration entry was met whose folio is not locked.
    MigrationEntryUnlocked(Obj),
    /// `check_mm`: an mm is freed while the counter is not 0.
    CheckMm(Obj),
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum What {
    /// A function was entered.
    Enter(Place),
    /// The function entered last was left.
    Leave,
    /// A label was passed.
    Pass(Place),
    /// The n-th operation of the CPU's program began.
    OpBegin(u16),
    /// It ended.
    OpEnd(u16),
    /// A shared word was read.
    Load {
        /// The word.
        obj: Obj,
        /// What it held.
        value: u64,
    },
    /// A shared word was written.
    Store {
        /// The word.
        obj: Obj,
        /// What it held before.
        old: u64,
        /// What it holds now.
        value: u64,
    },
    /// A shared word was changed by an atomic read-modify-write.
    Rmw {
        /// The word.
        obj: Obj,
        /// What it held before.
        old: u64,
        /// What it holds now.
        value: u64,
    },
    /// A lock was taken.
    Lock {
        /// The lock.
        obj: Obj,
        /// How.
        mode: LockMode,
    },
    /// A lock was released.
    Unlock {
        /// The lock.
        obj: Obj,
    },
    /// The CPU went to sleep, or span, until the object changes.
    Wait {
        /// What it waits for.
        obj: Obj,
    },
    /// An object came into being.
    Alloc(Obj),
    /// An object ceased to be.
    Free(Obj),
    /// A table was unlinked from its PMD entry.
    Unlink {
        /// The table.
        table: Obj,
        /// The PMD entry that linked it.
        pmd: Obj,
    },
    /// A table was linked from a PMD entry.
    Link {
        /// The table.
        table: Obj,
        /// The PMD entry that links it now.
        pmd: Obj,
    },
    /// A translation of a PTE or PMD entry was removed or its permission reduced.
    Downgrade {
        /// Which mm.
        mm: u8,
        /// First page.
        start: u32,
        /// Number of pages.
        pages: u32,
    },
    /// A new translation was stored.
    Establish {
        /// Which mm.
        mm: u8,
        /// First page.
        start: u32,
        /// First frame.
        pfn: u32,
        /// Number of pages.
        pages: u32,
    },
    /// An invalidation range was opened (`true`) or closed.
    Notifier {
        /// Which mm.
        mm: u8,
        /// First page.
        start: u32,
        /// Number of pages.
        pages: u32,
        /// Opened or closed.
        open: bool,
    },
    /// A user access read `value` at `page` of `mm`.
    UserLoad {
        /// Which mm.
        mm: u8,
        /// Which page.
        page: u32,
        /// The content found.
        value: u64,
    },
    /// A user access stored `value` at `page` of `mm`.
    UserStore {
        /// Which mm.
        mm: u8,
        /// Which page.
        page: u32,
        /// The content stored.
        value: u64,
    },
    /// A monitor of userfaults has filled `page` of `mm`, where nothing was, with a page that holds `value`. No user
    /// access: what the mapping permits does not matter.
    UffdStore {
        /// Which mm.
        mm: u8,
        /// Which page.
        page: u32,
        /// The content of the new page.
        value: u64,
    },
    /// write() has stored `value` into a page of a file.
    FileStore {
        /// The file.
        file: u8,
        /// Which page.
        index: u32,
        /// The content stored.
        value: u64,
    },
    /// A TLB flush of the CPU's own or of another CPU was completed.
    Flush {
        /// Whose TLB.
        target: u8,
        /// Which mm.
        mm: u8,
    },
    /// `collapse_file` is done with the page tables over its range, and about to unlock the huge page.
    Retracted {
        /// The file.
        file: u8,
        /// The first index of the range.
        index: u32,
    },
    /// `collapse_pte_mapped_thp` returned (its result as the scan_result's number).
    CollapseResult {
        /// Which mm.
        mm: u8,
        /// The address, in pages.
        haddr: u32,
        /// Whether the PMD was to be installed.
        install: bool,
        /// The scan_result.
        result: u8,
    },
    /// MADV_COLLAPSE begins with the whole huge pages of a range.
    CollapseCall {
        /// Which mm.
        mm: u8,
        /// First page.
        start: u32,
        /// The page after the last.
        end: u32,
    },
    /// It returns.
    CollapseReturn {
        /// Which mm.
        mm: u8,
        /// First page.
        start: u32,
        /// The page after the last.
        end: u32,
        /// Whether it returns 0.
        success: bool,
    },
    /// A walk under a lock has counted what is mapped in a range.
    Counted {
        /// Which mm.
        mm: u8,
        /// First page.
        start: u32,
        /// Number of pages.
        pages: u32,
        /// How many of them have a page.
        resident: u32,
    },
    /// GUP-fast has grabbed the page of an entry that it read without a lock.
    GupGrab {
        /// Which mm.
        mm: u8,
        /// Which page of it.
        page: u32,
        /// The frame.
        pfn: u32,
        /// FOLL_*: write, pin and longterm, a bit each.
        flags: u8,
    },
    /// get_user_pages has decided to return the page.
    GupDone {
        /// Which mm.
        mm: u8,
        /// Which page of it.
        page: u32,
        /// The frame.
        pfn: u32,
        /// FOLL_*: write, pin and longterm, a bit each.
        flags: u8,
    },
    /// A page that get_user_pages returned is given back.
    GupPut {
        /// The frame.
        pfn: u32,
    },
    /// A fork begins to copy an mm, with mmap_lock of both for write, or is done: the parent was flushed, and mmap_lock
    /// not yet dropped.
    Fork {
        /// The mm that is copied.
        parent: u8,
        /// The new one.
        child: u8,
        /// Done.
        done: bool,
    },
    /// MADV_DONTNEED is done with a range of a VMA, and mmap_lock is still held.
    Dontneed {
        /// Which mm.
        mm: u8,
        /// First page.
        start: u32,
        /// Number of pages.
        pages: u32,
    },
    /// mremap begins to move the entries of a range; nothing is mapped at the new address.
    MoveBegin {
        /// Which mm.
        mm: u8,
        /// The first page of the old range.
        from: u32,
        /// The first page of the new one.
        to: u32,
        /// Number of pages.
        pages: u32,
    },
    /// All of them have moved (`true`), or are about to move back.
    MoveEnd {
        /// Whether they have moved.
        moved: bool,
    },
    /// Something that userfaultfd promises its monitor.
    Uffd {
        /// Which mm.
        mm: u8,
        /// First page.
        page: u32,
        /// Number of pages.
        pages: u32,
        /// What about them.
        fact: UffdFact,
    },
    /// A hole of a file of shmem was filled by somebody who may do so.
    HoleFilled {
        /// The file.
        file: u8,
        /// Its page.
        index: u32,
    },
    /// The code complained.
    Splat(Splat),
    /// mincore() has found a folio in the page cache that is not up to date, and takes the page for missing.
    NotUptodate {
        /// The file.
        file: u8,
        /// Its page.
        index: u32,
    },
}

/// What is said of pages by userfaultfd.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UffdFact {
    /// They were registered: what is missing there is to be told.
    Armed,
    /// A fault was put into the queue: the monitor can read of it.
    Reported,
    /// A fault was resolved: the page is there.
    Filled,
    /// They are write-protected from now on, as soon as the ioctl has returned.
    Protected,
    /// They are write-protected no longer.
    Lifted,
    /// The ioctl that was to protect them has failed: some may be, some not.
    Failed,
    /// An ioctl has resolved what waits for them, and is about to wake it.
    Resolved,
    /// A thread that waited for the page got a signal.
    Killed,
}

/// One event: who, when, where, what.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Event {
    /// The CPU.
    pub cpu: u8,
    /// The CPU's own count of steps, this one included.
    pub step: u32,
    /// The place in the code.
    pub place: Place,
    /// What happened.
    pub what: What,
}
