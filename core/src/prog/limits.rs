//! A limit is the most of something that one program may hold.

/// CPUs of a program; there is always at least one.
pub const CPUS_MAX: usize = 4;
/// Address spaces a set-up may declare.
pub const MMS_MAX: usize = 4;
/// Files a set-up may declare.
pub const FILES_MAX: usize = 2;
/// Mappings a set-up may declare, over all its address spaces.
pub const VMAS_MAX: usize = 8;
/// Items of the set-up: declarations and operations together.
pub const SETUP_MAX: usize = 24;
/// Operations of one CPU.
pub const OPS_MAX: usize = 16;
/// Scheduling decisions, over all CPUs.
pub const DECISIONS_MAX: usize = 32;
/// Turns of a schedule in text form.
pub const TURNS_MAX: usize = 64;

/// Size of an address space in huge units.
pub const UNITS_MAX: u8 = 8;
/// Size of a file in huge units.
pub const FILE_UNITS_MAX: u8 = 2;
/// Huge units that the length argument of an operation may count.
pub const LEN_UNITS_MAX: u8 = 3;
/// Huge units that an address may lie beyond the start of its mapping.
pub const AT_UNITS_MAX: u8 = 1;
/// Base pages that a size or an address counts on top of its huge units.
pub const PAGES_MAX: u8 = 7;

/// How far ahead an operation may say which allocation fails.
pub const NTH_MAX: u8 = 7;

/// Mean run length of the random policy, in steps.
pub const RUN_MEAN_MAX: u8 = 64;
/// Depth of the PCT policy: the number of ordering constraints it aims at.
pub const PCT_DEPTH_MAX: u8 = 8;
/// Seed of a random policy; the byte form has room for two bytes.
pub const SEED_MAX: u64 = u16::MAX as u64;

/// One record of the byte form.
pub const RECORD_BYTES: usize = 8;
/// The longest input that says anything: the header and as many records as all limits allow.
pub const INPUT_BYTES_MAX: usize =
    RECORD_BYTES * (2 + SETUP_MAX + CPUS_MAX * OPS_MAX + DECISIONS_MAX);
