//! Random numbers that can be had again.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

/// Names the variable that a seed is given by.
const SEED: &str = "TIDEGATE_EXTENDED_SEED";

/// A source of random numbers that is fixed by its seed.
#[derive(Debug, Clone)]
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// Takes the seed from `TIDEGATE_EXTENDED_SEED`, else from the clock.
    ///
    /// # Panics
    /// When the variable is not a number.
    #[must_use]
    pub fn new() -> Self {
        let seed = match env::var(SEED) {
            Ok(text) => text.parse().expect("TIDEGATE_EXTENDED_SEED is a number"),
            Err(_) => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(1, |time| u64::from(time.subsec_nanos())),
        };
        Self { seed, state: seed }
    }

    /// Returns what makes it give the same numbers again.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the next number, in 0 to 1 without 1 (SplitMix64).
    pub fn fraction(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        f64::from(u32::try_from(bits >> 32).unwrap_or_default()) / f64::from(u32::MAX)
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}
