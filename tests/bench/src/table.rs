//! The table that is printed: ours, the floor, the ratio, and what was promised.

use std::fmt;
use std::time::Duration;

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

/// One figure beside its floor.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) ours: Duration,
    pub(crate) floor: Option<Duration>,
    pub(crate) limit: Limit,
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        let floor = self.floor?;
        Some(self.ours.as_secs_f64() / floor.as_secs_f64())
    }

    /// Returns whether it is within its limit; `None` where there is none.
    pub(crate) fn is_kept(&self) -> Option<bool> {
        match self.limit {
            Limit::Times(most) => Some(self.ratio().is_some_and(|ratio| ratio <= most)),
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
                .ratio()
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
        Row {
            name: "row".to_owned(),
            ours: Duration::from_micros(ours),
            floor: Some(Duration::from_micros(100)),
            limit,
        }
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
        let row = Row {
            floor: None,
            ..row(1, Limit::Times(1.5))
        };
        assert_eq!(row.is_kept(), Some(false));
    }
}
