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
    /// So many bytes.
    Bytes(u64),
    /// Nothing was promised.
    None,
}

/// One figure, beside its floor where there is one.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    name: String,
    ours: Amount,
    floor: Option<Duration>,
    ratio: Option<f64>,
    limit: Limit,
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
enum Amount {
    Time(Duration),
    Bytes(u64),
}

impl Row {
    /// Makes a row of what was measured in turns.
    pub(crate) fn in_turns(name: impl Into<String>, times: &Times, limit: Limit) -> Self {
        Self {
            name: name.into(),
            ours: Amount::Time(times.ours()),
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
            ours: Amount::Time(ours),
            floor: Some(floor),
            ratio: Some(ours.as_secs_f64() / floor.as_secs_f64()),
            limit,
        }
    }

    /// Makes a row that has no floor.
    pub(crate) fn alone(name: impl Into<String>, ours: Duration, limit: Limit) -> Self {
        Self {
            name: name.into(),
            ours: Amount::Time(ours),
            floor: None,
            ratio: None,
            limit,
        }
    }

    /// Makes a row of what something takes of memory.
    pub(crate) fn bytes(name: impl Into<String>, bytes: u64, limit: Limit) -> Self {
        Self {
            name: name.into(),
            ours: Amount::Bytes(bytes),
            floor: None,
            ratio: None,
            limit,
        }
    }

    /// Returns whether it is within its limit; `None` where there is none.
    pub(crate) fn is_kept(&self) -> Option<bool> {
        match (self.limit, self.ours) {
            (Limit::Times(most), _) => Some(self.ratio.is_some_and(|ratio| ratio <= most)),
            (Limit::Time(most), Amount::Time(ours)) => Some(ours <= most),
            (Limit::Bytes(most), Amount::Bytes(ours)) => Some(ours <= most),
            (Limit::Time(_), Amount::Bytes(_)) | (Limit::Bytes(_), Amount::Time(_)) => Some(false),
            (Limit::None, _) => None,
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
            Limit::Bytes(most) => mib(most),
            Limit::None => "-".to_owned(),
        };
        let verdict = match self.is_kept() {
            Some(true) => "ok",
            Some(false) => "OVER",
            None => "",
        };
        f.write_str(&line(
            &self.name,
            &match self.ours {
                Amount::Time(time) => shown(time),
                Amount::Bytes(bytes) => mib(bytes),
            },
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

fn mib(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
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
    fn memory_is_measured_against_bytes() {
        let row = |bytes| Row::bytes("row", bytes, Limit::Bytes(1 << 20));
        assert_eq!(row(1 << 20).is_kept(), Some(true));
        assert_eq!(row((1 << 20) + 1).is_kept(), Some(false));
        assert!(row(1_600_000).to_string().contains("1.5 MiB"));
    }

    #[test]
    fn a_row_without_a_floor_keeps_no_ratio() {
        let row = Row::alone("row", Duration::ZERO, Limit::Times(1.5));
        assert_eq!(row.is_kept(), Some(false));
    }
}
