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

    /// Returns the middle one of the ratios of each turn: what slows a turn slows both its sides.
    pub(crate) fn ratio(&self) -> f64 {
        let pairs = self.ours.iter().zip(&self.floor);
        let mut ratios: Vec<f64> = pairs
            .map(|(ours, floor)| ours.as_secs_f64() / floor.as_secs_f64())
            .collect();
        ratios.sort_unstable_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
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
    fn a_turn_that_was_slow_on_both_sides_does_not_move_the_ratio() {
        let mut times = Times::default();
        for (ours, floor) in [(30, 20), (3_000, 2_000), (31, 20)] {
            times.add(Side::Ours, Duration::from_micros(ours));
            times.add(Side::Floor, Duration::from_micros(floor));
        }
        assert!((times.ratio() - 1.5).abs() < 1e-9, "{}", times.ratio());
    }

    #[test]
    fn each_goes_first_as_often_as_the_other() {
        let first: Vec<Side> = (0..4).map(|round| Side::in_turn(round)[0]).collect();
        assert_eq!(first, [Side::Ours, Side::Floor, Side::Ours, Side::Floor]);
    }
}
