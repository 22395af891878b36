//! A mutation changes one thing of a program, in its byte form: what a fuzzer's own mutations of bytes rarely hit.
//!
//! [`mutate`] changes one program and [`crossover`] makes one of two. Both work on whole records, so what they leave
//! alone means what it meant before. Both are total (any bytes will do, and any room for the result), keep within
//! [`INPUT_BYTES_MAX`](super::limits::INPUT_BYTES_MAX), and do the same with the same random numbers.

mod change;
mod sheet;
mod splice;

use sheet::Sheet;

/// Random numbers, any 32 bits at a time.
type Next<'a> = dyn FnMut() -> u32 + 'a;

/// Changes the program in `data[..size]` in place; at most `max_size` bytes of `data` hold the new one. Returns how many.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, next: &mut Next<'_>) -> usize {
    let mut sheet = Sheet::read(&data[..size.min(data.len())]);
    change::change(&mut sheet, next);
    let room = max_size.min(data.len());
    sheet.write(&mut data[..room])
}

/// Writes a program made of two into `out`; returns how many bytes it has.
pub fn crossover(one: &[u8], other: &[u8], out: &mut [u8], next: &mut Next<'_>) -> usize {
    splice::splice(&Sheet::read(one), &Sheet::read(other), next).write(out)
}

/// A number below `bound`; 0 if that is 0.
fn below(next: &mut Next<'_>, bound: usize) -> usize {
    ((u64::from(next()) * bound as u64) >> 32) as usize
}
