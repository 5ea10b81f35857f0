//! Randomness, passed in like the clock. (Signing keys are the exception: the cryptographic library makes them
//! with its own.)

use std::cell::RefCell;

/// Fills bytes with randomness fit for secrets.
pub trait Random: Send + Sync {
    /// Fills the whole slice.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness>;

    /// The random part of an identifier, which is no secret.
    fn identifier(&self) -> Result<[u8; 10], NoRandomness> {
        bytes(self)
    }
}

/// The source of randomness failed; nothing may be issued without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no randomness")]
pub struct NoRandomness;

/// The cryptographic library's generator, seeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        #[expect(clippy::disallowed_methods, reason = "the one place that asks the library for randomness")]
        aws_lc_rs::rand::fill(bytes).map_err(|_| NoRandomness)
    }

    /// Drawn for many at once: each draw costs the generator as much as half a kilobyte.
    fn identifier(&self) -> Result<[u8; 10], NoRandomness> {
        DRAWN.with_borrow_mut(|(drawn, left)| {
            if *left == 0 {
                self.fill(drawn.as_flattened_mut())?;
                *left = drawn.len();
            }
            *left -= 1;
            Ok(drawn[*left])
        })
    }
}

/// Random parts of identifiers that were drawn but not used yet, and how many are left.
type Drawn = ([[u8; 10]; 51], usize);

thread_local! {
    static DRAWN: RefCell<Drawn> = const { RefCell::new(([[0; 10]; 51], 0)) };
}

/// As many random bytes as the array is long.
pub(crate) fn bytes<const N: usize>(random: &(impl Random + ?Sized)) -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}
