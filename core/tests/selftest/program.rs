//! A program on a machine of its own: what it can do, and what can be seen of it.

use std::cell::RefCell;

use racewalk::Era;
use racewalk::mm::khugepaged::Errno;
use racewalk::mm::{
    Config, FileId, FlagAdvice, Kernel, MmId, Pfn, Pmd, Pte, Rss, UserAccess, Vaddr, VmFlags,
    VmaSpec,
};
use racewalk::oracle::Recount;
use racewalk::sync::{Conductor, Cpu, Obj, Place, Splat, What};

/// Pages to a huge page.
pub(crate) const HPN: u32 = 512;
/// The file of a program.
pub(crate) const FILE: FileId = FileId(0);
/// The pages of a mapping that may be read and written.
pub(crate) const RW: VmFlags = VmFlags::READ.with(VmFlags::WRITE);
/// The same, and shared.
pub(crate) const SHARED: VmFlags = RW.with(VmFlags::SHARED);

/// Lets the one CPU run on, and remembers what it complains about.
#[derive(Default)]
struct Alone(RefCell<Vec<Splat>>);

impl Conductor for Alone {
    fn turn(&self, cpu: &Cpu<'_>) {
        cpu.grant(1 << 20, u16::MAX);
    }

    fn wait(&self, _: &Cpu<'_>, on: Obj) {
        panic!("nobody will ever release {on:?}");
    }

    fn wake(&self, _: &Cpu<'_>, _: u32) {}

    fn note(&self, _: &Cpu<'_>, what: What) {
        if let What::Splat(splat) = what {
            self.0.borrow_mut().push(splat);
        }
    }

    fn arrived(&self, _: &Cpu<'_>, _: Place) {}
}

/// A process: its calls, and what can be seen of it from outside.
#[derive(Clone, Copy)]
pub(crate) struct Program<'a> {
    pub(crate) k: &'a Kernel,
    pub(crate) cpu: &'a Cpu<'a>,
    pub(crate) mm: MmId,
    era: Era,
}

/// Runs a program on a machine with this configuration, era by era; afterwards every counter must equal a recount. What
/// was measured is v6.6, but what a program sees has hardly changed with the patch (see [`Program::retracted`]).
#[track_caller]
pub(crate) fn run(config: Config, program: impl Fn(Program<'_>)) {
    run_with(config, |_| {}, program);
}

/// The same on a machine that is changed first.
#[track_caller]
pub(crate) fn run_with(
    config: Config,
    prepare: impl Fn(&mut Kernel),
    program: impl Fn(Program<'_>),
) {
    for era in [Era::V66, Era::PreSeed, Era::Fixed] {
        run_as(era, Kernel::new(HPN, config, era.steps()), &prepare, &program);
    }
}

/// The same on this machine with the steps of v6.6.
#[track_caller]
pub(crate) fn run_on(kernel: Kernel, prepare: impl Fn(&mut Kernel), program: impl Fn(Program<'_>)) {
    run_as(Era::V66, kernel, prepare, program);
}

/// mm0 and mm1 are two processes, of mm2 and mm3 a fork makes some.
#[track_caller]
fn run_as(
    era: Era,
    mut kernel: Kernel,
    prepare: impl Fn(&mut Kernel),
    program: impl Fn(Program<'_>),
) {
    [MmId(2), MmId(3)].into_iter().for_each(|mm| kernel.mm(mm).init_unborn());
    prepare(&mut kernel);
    let alone = Alone::default();
    let cpu = Cpu::conducted(0, &kernel.smp, &alone, None, false);
    program(Program { k: &kernel, cpu: &cpu, mm: MmId(0), era });
    kernel.lru_add_drain_all(&cpu);
    kernel.rcu_do_batch(&cpu);
    assert_eq!(cpu.debts.open(), [], "the program has ended, and something is owed");
    assert_eq!(alone.0.borrow().as_slice(), &[], "the kernel complains");
    let mut recount = Recount::default();
    recount.count(&kernel);
    for (mm, counted) in kernel.mms.iter().zip(recount.rss) {
        let counters = [0, 1, 2, 3].map(|which| mm.rss[which].peek() as i64);
        assert_eq!(counters, counted, "rss of {:?}", mm.id);
        assert_eq!(mm.nr_ptes.peek() as i64, recount.nr_ptes[mm.id.0 as usize]);
    }
    for folio in kernel.folios.touched() {
        let refs = i64::from(recount.refs[folio.0 as usize]);
        assert_eq!(kernel.folio(folio).refcount.peek() as i64, refs, "{folio:?}");
    }
}

impl<'a> Program<'a> {
    /// Another process on the same machine.
    pub(crate) fn other(self) -> Program<'a> {
        Program { mm: MmId(1), ..self }
    }

    /// Whether this is the kernel before the patch.
    pub(crate) fn before_the_patch(self) -> bool {
        self.era == Era::PreSeed
    }

    /// What another process sees of a whole huge page after a collapse of the file: before the patch its page table was
    /// left to khugepaged.
    pub(crate) fn retracted(self) -> &'static str {
        match self.era {
            Era::PreSeed => "tables 1; 512 none; incore 512",
            _ => "; none; incore 512",
        }
    }

    /// fork(): the first child, or the second one.
    #[track_caller]
    pub(crate) fn fork(self) -> Program<'a> {
        let child = if self.k.mm(MmId(2)).is_born() { MmId(3) } else { MmId(2) };
        assert_eq!(self.k.copy_process(self.cpu, self.mm, child), Errno::Ok);
        Program { mm: child, ..self }
    }

    /// exit(), and the parent has waited for it.
    #[track_caller]
    pub(crate) fn exit(self) {
        assert!(self.k.do_group_exit(self.cpu, self.mm));
        self.drain();
    }

    /// mmap() of whole huge units, of nothing or of a file from page `off` on.
    pub(crate) fn mmap(self, unit: u32, units: u32, file: Option<u32>, flags: VmFlags) {
        let hpn = self.k.hpn;
        self.mmap_pages(unit * hpn, units * hpn, file, flags);
    }

    /// The same in pages.
    pub(crate) fn mmap_pages(self, start: u32, pages: u32, file: Option<u32>, flags: VmFlags) {
        let spec = VmaSpec {
            mm: self.mm,
            start: Vaddr(start),
            end: Vaddr(start + pages),
            pgoff: file.unwrap_or(start),
            file: file.map(|_| FILE),
            flags,
        };
        assert_eq!(self.k.do_mmap(self.cpu, &spec), Errno::Ok);
    }

    /// ftruncate().
    pub(crate) fn resize(self, pages: u32) {
        self.k.shmem_setattr(self.cpu, FILE, pages);
    }

    /// Writes each page of a range: its number, and something that tells processes apart.
    #[track_caller]
    pub(crate) fn write(self, start: u32, pages: u32) {
        for page in start..start + pages {
            let written = UserAccess::Write(self.tag(page));
            let stored = self.k.user_access(self.cpu, self.mm, Vaddr(page), written);
            assert_eq!(stored, Ok(self.tag(page)), "page {page}");
        }
    }

    /// What this process writes to a page.
    pub(crate) fn tag(self, page: u32) -> u64 {
        u64::from(page) + (u64::from(self.mm.0) + 1) * 0x10_0000
    }

    /// Reads each page of a range, whatever it holds.
    #[track_caller]
    pub(crate) fn read(self, start: u32, pages: u32) {
        for page in start..start + pages {
            assert!(self.load(page).is_some(), "page {page}");
        }
    }

    /// What is read from a page. `None`: SIGSEGV or SIGBUS.
    pub(crate) fn load(self, page: u32) -> Option<u64> {
        self.k.user_access(self.cpu, self.mm, Vaddr(page), UserAccess::Read).ok()
    }

    /// Each page of the range still has what was written to it.
    #[track_caller]
    pub(crate) fn has_kept(self, start: u32, pages: u32) {
        self.has_of(self, start, pages);
    }

    /// Each page of the range has what that process has written to it.
    #[track_caller]
    pub(crate) fn has_of(self, writer: Program<'_>, start: u32, pages: u32) {
        self.has_moved(writer, start, start, pages);
    }

    /// Each page of the range has what that process has written to the range at `from`.
    #[track_caller]
    pub(crate) fn has_moved(self, writer: Program<'_>, from: u32, to: u32, pages: u32) {
        for page in 0..pages {
            assert_eq!(self.load(to + page), Some(writer.tag(from + page)), "page {}", to + page);
        }
    }

    /// madvise(MADV_COLLAPSE).
    pub(crate) fn collapse(self, start: u32, pages: u32) -> Errno {
        self.k.do_madvise_collapse(self.cpu, self.mm, Vaddr(start), Vaddr(start + pages))
    }

    /// madvise() that changes flags.
    #[track_caller]
    pub(crate) fn advise(self, start: u32, pages: u32, advice: FlagAdvice) {
        let range = (Vaddr(start), Vaddr(start + pages));
        let errno = self.k.madvise_vma_behavior(self.cpu, self.mm, range, advice);
        assert_eq!(errno, Errno::Ok);
    }

    /// madvise(MADV_DONTNEED).
    #[track_caller]
    pub(crate) fn dontneed(self, start: u32, pages: u32) {
        let errno = self.k.madvise_dontneed(self.cpu, self.mm, Vaddr(start), pages);
        assert_eq!(errno, Errno::Ok);
    }

    /// madvise(MADV_PAGEOUT), and reclaim has been there.
    #[track_caller]
    pub(crate) fn pageout(self, start: u32, pages: u32) {
        self.drain();
        let errno = self.k.madvise_cold(self.cpu, self.mm, Vaddr(start), pages, true);
        assert_eq!(errno, Errno::Ok);
        self.drain();
    }

    /// Some time passes: what waits in a CPU's batch is on the LRU, what waits for a grace period is free.
    pub(crate) fn drain(self) {
        self.k.lru_add_drain_all(self.cpu);
        self.k.rcu_do_batch(self.cpu);
    }

    /// munmap().
    #[track_caller]
    pub(crate) fn munmap(self, start: u32, pages: u32) {
        let errno = self.k.do_munmap(self.cpu, self.mm, Vaddr(start), Vaddr(start + pages));
        assert_eq!(errno, Errno::Ok);
    }

    /// mprotect().
    #[track_caller]
    pub(crate) fn mprotect(self, start: u32, pages: u32, prot: VmFlags) {
        let range = (Vaddr(start), Vaddr(start + pages));
        assert_eq!(self.k.mprotect(self.cpu, self.mm, range, prot), Errno::Ok);
    }

    /// mremap() to an address that is given.
    pub(crate) fn mremap(self, from: u32, pages: u32, to: u32, dontunmap: bool) -> Errno {
        let range = (Vaddr(from), Vaddr(from + pages));
        self.k.mremap(self.cpu, self.mm, range, Vaddr(to), dontunmap)
    }

    /// UFFDIO_REGISTER.
    #[track_caller]
    pub(crate) fn uffd_register(self, start: u32, pages: u32, modes: VmFlags) {
        let range = (Vaddr(start), Vaddr(start + pages));
        assert_eq!(self.k.userfaultfd_register(self.cpu, self.mm, range, modes), Errno::Ok);
    }

    /// UFFDIO_UNREGISTER, as close() of the userfaultfd does it.
    #[track_caller]
    pub(crate) fn uffd_unregister(self, start: u32, pages: u32) {
        let range = (Vaddr(start), Vaddr(start + pages));
        assert_eq!(self.k.userfaultfd_unregister(self.cpu, self.mm, range), Errno::Ok);
    }

    /// UFFDIO_WRITEPROTECT.
    #[track_caller]
    pub(crate) fn uffd_wp(self, start: u32, pages: u32, wp: bool) {
        let range = (Vaddr(start), Vaddr(start + pages));
        assert_eq!(self.k.mwriteprotect_range(self.cpu, self.mm, range, wp), Errno::Ok);
    }

    /// The frame of a page, and whether it is a part of a huge page.
    #[track_caller]
    pub(crate) fn frame(self, page: u32) -> (Pfn, bool) {
        let found = self.k.peek_translation(self.mm, Vaddr(page));
        let (pfn, _) = found.expect("the page is mapped");
        (pfn, self.k.folios.is_large(self.k.folios.of(pfn)))
    }

    /// khugepaged looks at a range of huge units.
    pub(crate) fn khugepaged(self, unit: u32, units: u32) {
        let hpn = self.k.hpn;
        let (start, end) = (unit * hpn, (unit + units) * hpn);
        self.k.khugepaged_scan_range(self.cpu, self.mm, Vaddr(start), Vaddr(end));
    }

    /// The sum that the selftest looks at (AnonHugePages, ShmemPmdMapped, FilePmdMapped), in huge pages.
    pub(crate) fn huge(self, unit: u32, units: u32) -> u64 {
        let (mut sum, hpn) = (0, self.k.hpn);
        let mut addr = unit * hpn;
        while addr < (unit + units) * hpn {
            let smaps = self.k.smaps(self.cpu, self.mm, Vaddr(addr)).expect("a mapping");
            sum += smaps.huge() / (u64::from(hpn) * 4);
            addr += (smaps.size / 4) as u32;
        }
        sum
    }

    /// All that can be seen of a huge unit and of the process, in a line: RssAnon, RssShmem, RssFile, VmSwap and VmPTE in
    /// pages, the entries, and how many pages mincore() finds.
    pub(crate) fn seen(self, unit: u32) -> String {
        let rss = |which: Rss| self.k.mm(self.mm).rss[which as usize].peek();
        let counters = [
            ("anon", rss(Rss::Anon)),
            ("shmem", rss(Rss::Shmem)),
            ("file", rss(Rss::File)),
            ("swap", rss(Rss::Swap)),
            ("tables", self.k.mm(self.mm).nr_ptes.peek()),
        ];
        let counters = counters.into_iter().filter(|(_, count)| *count != 0);
        let counters: Vec<_> = counters.map(|(name, count)| format!("{name} {count}")).collect();
        let mut vec = vec![0; self.k.hpn as usize];
        let mapped = self.k.mincore(self.cpu, self.mm, Vaddr(unit * self.k.hpn), &mut vec);
        let incore: u32 = vec.iter().map(|&byte| u32::from(byte)).sum();
        let incore = if mapped { incore.to_string() } else { "ENOMEM".to_owned() };
        format!("{}; {}; incore {incore}", counters.join(" "), self.entries(unit))
    }

    fn entries(self, unit: u32) -> String {
        let pmd = Pmd(self.k.pmdp(self.mm, Vaddr(unit * self.k.hpn)).peek());
        if pmd.is_none() {
            return "none".to_owned();
        }
        if pmd.is_trans_huge() {
            let folio = self.k.folio(self.k.folios.of(pmd.pfn()));
            return format!("huge {}", if folio.is_anon() { "anon" } else { "file" });
        }
        let table = pmd.pgtable().expect("a table");
        let mut runs: Vec<(u32, &str)> = Vec::new();
        for word in self.k.tables.get(table).entries() {
            let kind = self.kind(Pte(word.peek()));
            match runs.last_mut() {
                Some((count, last)) if *last == kind => *count += 1,
                _ => runs.push((1, kind)),
            }
        }
        let runs: Vec<_> = runs.iter().map(|(count, kind)| format!("{count} {kind}")).collect();
        runs.join(", ")
    }

    fn kind(self, pte: Pte) -> &'static str {
        if pte.is_none() {
            return "none";
        }
        if pte.is_uffd_wp_marker() {
            return "marker";
        }
        if pte.swap_slot().is_some() {
            return "swap";
        }
        if pte.is_special() {
            return "zero";
        }
        let folio = self.k.folios.of(pte.pfn());
        match (self.k.folio(folio).is_anon(), self.k.folios.is_large(folio)) {
            (true, false) => "anon",
            (true, true) => "anon of thp",
            (false, false) => "file",
            (false, true) => "file of thp",
        }
    }
}
