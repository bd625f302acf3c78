//! The table that is printed: ours, the floor, the ratio, and what was promised.

use std::fmt;
use std::time::Duration;

use crate::measure::Times;

/// What a row may at most be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// So many times the floor.
    Times(f64),
    /// So long, whatever the floor is.
    Time(Duration),
    /// Nothing was promised.
    None,
}

/// One figure, beside its floor where there is one.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    name: String,
    ours: Duration,
    floor: Option<Duration>,
    ratio: Option<f64>,
    limit: Limit,
}

impl Row {
    /// Makes a row of what was measured in turns.
    pub(crate) fn in_turns(name: impl Into<String>, times: &Times, limit: Limit) -> Self {
        Self {
            name: name.into(),
            ours: times.ours(),
            floor: Some(times.floor()),
            ratio: Some(times.ratio()),
            limit,
        }
    }

    /// Makes a row of two figures.
    pub(crate) fn of_two(
        name: impl Into<String>,
        ours: Duration,
        floor: Duration,
        limit: Limit,
    ) -> Self {
        Self {
            name: name.into(),
            ours,
            floor: Some(floor),
            ratio: Some(ours.as_secs_f64() / floor.as_secs_f64()),
            limit,
        }
    }

    /// Makes a row that has no floor.
    pub(crate) fn alone(name: impl Into<String>, ours: Duration, limit: Limit) -> Self {
        Self {
            name: name.into(),
            ours,
            floor: None,
            ratio: None,
            limit,
        }
    }

    /// Returns whether it is within its limit; `None` where there is none.
    pub(crate) fn is_kept(&self) -> Option<bool> {
        match self.limit {
            Limit::Times(most) => Some(self.ratio.is_some_and(|ratio| ratio <= most)),
            Limit::Time(most) => Some(self.ours <= most),
            Limit::None => None,
        }
    }
}

/// Writes the names of the columns.
pub(crate) fn header() -> String {
    line("", "ours", "floor", "ratio", "at most", "")
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = match self.limit {
            Limit::Times(most) => format!("{most} x"),
            Limit::Time(most) => shown(most),
            Limit::None => "-".to_owned(),
        };
        let verdict = match self.is_kept() {
            Some(true) => "ok",
            Some(false) => "OVER",
            None => "",
        };
        f.write_str(&line(
            &self.name,
            &shown(self.ours),
            &self.floor.map_or_else(|| "-".to_owned(), shown),
            &self
                .ratio
                .map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2} x")),
            &limit,
            verdict,
        ))
    }
}

fn line(name: &str, ours: &str, floor: &str, ratio: &str, limit: &str, verdict: &str) -> String {
    format!("{name:<58} {ours:>11} {floor:>11} {ratio:>8} {limit:>9}  {verdict}")
        .trim_end()
        .to_owned()
}

/// Shows a duration with three digits or four.
fn shown(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    match micros {
        _ if micros < 100.0 => format!("{micros:.1} us"),
        _ if micros < 1_000.0 => format!("{micros:.0} us"),
        _ if micros < 100_000.0 => format!("{:.2} ms", micros / 1e3),
        _ => format!("{:.0} ms", micros / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: u64, limit: Limit) -> Row {
        let [ours, floor] = [ours, 100].map(Duration::from_micros);
        Row::of_two("row", ours, floor, limit)
    }

    #[test]
    fn a_row_is_kept_up_to_its_limit_and_not_beyond() {
        assert_eq!(row(150, Limit::Times(1.5)).is_kept(), Some(true));
        assert_eq!(row(151, Limit::Times(1.5)).is_kept(), Some(false));
        let most = Limit::Time(Duration::from_micros(150));
        assert_eq!(row(150, most).is_kept(), Some(true));
        assert_eq!(row(151, most).is_kept(), Some(false));
        assert_eq!(row(151, Limit::None).is_kept(), None);
    }

    #[test]
    fn a_row_without_a_floor_keeps_no_ratio() {
        let row = Row::alone("row", Duration::ZERO, Limit::Times(1.5));
        assert_eq!(row.is_kept(), Some(false));
    }
}
