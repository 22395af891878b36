//! The mutator mixes mutations of records with the engine's own mutations of bytes.
//!
//! | `RACEWALK_MUTATE` | which |
//! |---|---|
//! | `mixed`, or nothing | both |
//! | `records` | those of records |
//! | `bytes` | the engine's, as if there were no mutator here |

use std::env;
use std::sync::LazyLock;

use racewalk::Target;
use racewalk::prog::{crossover, mutate};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The engine's own mutation: the bytes, how many of them are the input, and how many there may be afterwards.
pub type OfBytes = fn(&mut [u8], usize, usize) -> usize;

/// Of how many mutations one is of records.
const RECORDS_ONE_IN: u32 = 2;
/// Of how many offers to cross two inputs one is taken. The engine offers half of the time.
const CROSSOVER_ONE_IN: u32 = 8;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mix {
    Mixed,
    Records,
    Bytes,
}

/// What the environment asks for. A word that it does not know means nothing: the mutator cannot refuse to start.
static MIX: LazyLock<Mix> = LazyLock::new(|| match env::var("RACEWALK_MUTATE").as_deref() {
    Ok("bytes") => Mix::Bytes,
    Ok("records") => Mix::Records,
    _ => Mix::Mixed,
});

/// Mutates an input of a target in place; returns its new length.
pub fn mutate_input(
    target: Target,
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    of_bytes: OfBytes,
) -> usize {
    let mut random = ChaCha8Rng::seed_from_u64(seed.into());
    let of_records = match *MIX {
        Mix::Mixed => target.has_records() && random.next_u32().is_multiple_of(RECORDS_ONE_IN),
        Mix::Records => target.has_records(),
        Mix::Bytes => false,
    };
    if of_records {
        mutate(data, size, max_size, &mut || random.next_u32())
    } else {
        of_bytes(data, size, max_size)
    }
}

/// Makes one input of two; 0 means that the engine may try something else.
pub fn cross_inputs(target: Target, one: &[u8], other: &[u8], out: &mut [u8], seed: u32) -> usize {
    let mut random = ChaCha8Rng::seed_from_u64(seed.into());
    let wanted = random.next_u32().is_multiple_of(CROSSOVER_ONE_IN);
    if *MIX == Mix::Bytes || !target.has_records() || !wanted {
        return 0;
    }
    crossover(one, other, out, &mut || random.next_u32())
}
