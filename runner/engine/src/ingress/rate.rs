//! How many requests an address may get.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use store::AddressOf;

/// Above so many addresses, those that are at rest are forgotten.
const REMEMBERED: usize = 10_000;

/// A rate that each address may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a second, in the long run; at least 1.
    pub per_second: u32,
    /// Requests at once, after a rest; at least 1.
    pub burst: u32,
}

/// Counts the requests of each address; only addresses that there are take room.
pub(crate) struct Limiter {
    /// How much of the time one request takes up.
    share: Duration,
    /// How much may be taken up ahead.
    ahead: Duration,
    /// Until when the time of each address is taken up.
    taken: Mutex<HashMap<AddressOf, Duration>>,
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let share = Duration::from_secs(1) / limit.per_second.max(1);
        Self {
            share,
            ahead: share * limit.burst.max(1),
            taken: Mutex::default(),
        }
    }

    /// Counts a request at `now`, a time that never goes back.
    ///
    /// # Errors
    /// With how long to wait, when it is one too many.
    pub(crate) fn take(&self, address: AddressOf, now: Duration) -> Result<(), Duration> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= REMEMBERED && !taken.contains_key(&address) {
            taken.retain(|_, until| *until > now);
        }
        let until = taken.entry(address).or_default();
        let next = (*until).max(now) + self.share;
        match next.checked_sub(now + self.ahead) {
            Some(wait) if !wait.is_zero() => Err(wait),
            Some(_) | None => {
                *until = next;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::EndpointId;

    use super::*;

    fn address(number: i64) -> AddressOf {
        AddressOf::Endpoint(EndpointId(number))
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds_for_each_address_alone() {
        let limiter = Limiter::new(RateLimit {
            per_second: 10,
            burst: 3,
        });
        let at = Duration::from_millis;
        for _ in 0..3 {
            assert_eq!(limiter.take(address(1), at(1_000)), Ok(()));
        }
        assert_eq!(limiter.take(address(1), at(1_000)), Err(at(100)));
        assert_eq!(limiter.take(address(1), at(1_040)), Err(at(60)));
        assert_eq!(limiter.take(address(2), at(1_040)), Ok(()));
        assert_eq!(limiter.take(address(1), at(1_100)), Ok(()));
        assert_eq!(limiter.take(address(1), at(1_100)), Err(at(100)));
        for _ in 0..3 {
            assert_eq!(limiter.take(address(1), at(9_000)), Ok(()));
        }
        assert!(limiter.take(address(1), at(9_000)).is_err());
    }

    #[test]
    fn addresses_at_rest_are_forgotten_when_there_are_many() {
        let limiter = Limiter::new(RateLimit {
            per_second: 1,
            burst: 1,
        });
        for number in 0..3 * i64::try_from(REMEMBERED).unwrap() {
            let now = Duration::from_secs(10 + 10 * number.unsigned_abs());
            assert_eq!(limiter.take(address(number), now), Ok(()));
        }
        assert!(limiter.taken.lock().unwrap().len() <= REMEMBERED);
    }
}
