//! Two ways of doing the same, measured in turns.

use std::time::{Duration, Instant};

/// Which of two is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Floor,
}

impl Side {
    /// Returns both, the one first that was second in the round before.
    pub(crate) const fn in_turn(round: usize) -> [Self; 2] {
        if round.is_multiple_of(2) {
            [Self::Ours, Self::Floor]
        } else {
            [Self::Floor, Self::Ours]
        }
    }
}

/// What was measured of both.
#[derive(Debug, Default)]
pub(crate) struct Times {
    ours: Vec<Duration>,
    floor: Vec<Duration>,
}

impl Times {
    pub(crate) fn add(&mut self, side: Side, time: Duration) {
        match side {
            Side::Ours => self.ours.push(time),
            Side::Floor => self.floor.push(time),
        }
    }

    pub(crate) fn ours(&self) -> Duration {
        median(&self.ours)
    }

    pub(crate) fn floor(&self) -> Duration {
        median(&self.floor)
    }
}

/// Returns the middle one; zero of none.
pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Measures once.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = work();
    (value, start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outlier_does_not_move_the_median() {
        let times = [5, 1, 900, 3, 4].map(Duration::from_millis);
        assert_eq!(median(&times), Duration::from_millis(4));
        assert_eq!(median(&[]), Duration::ZERO);
    }

    #[test]
    fn each_goes_first_as_often_as_the_other() {
        let first: Vec<Side> = (0..4).map(|round| Side::in_turn(round)[0]).collect();
        assert_eq!(first, [Side::Ours, Side::Floor, Side::Ours, Side::Floor]);
    }
}
