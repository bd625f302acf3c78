//! Durations, instants, sizes and JSON as pages write them.

use std::time::Duration;

use domain::Timestamp;
use serde::Serialize;

/// Writes a duration with as much detail as a person wants.
pub(super) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        60_000..3_600_000 => format!("{minutes} min {} s", seconds % 60),
        3_600_000..172_800_000 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} days", hours / 24),
    }
}

/// Writes an instant in UTC, to the second, for people.
pub(super) fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{} UTC", seconds.replace('T', " ")),
        None => text,
    }
}

/// Writes the time of day of an instant in UTC, to the millisecond.
pub(super) fn time_of_day(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('T') {
        Some((_, time)) => time.trim_end_matches('Z').to_owned(),
        None => text,
    }
}

/// Writes how far an instant lies ahead or back; the script writes it the same way.
pub(super) fn relative(at: Timestamp, now: Timestamp) -> String {
    let (ahead, back) = (at.since(now), now.since(at));
    let rough = |length: Duration| {
        let seconds = length.as_secs();
        match seconds {
            0..60 => format!("{seconds} s"),
            60..3_600 => format!("{} min", seconds / 60),
            3_600..172_800 => format!("{} h", seconds / 3_600),
            _ => format!("{} days", seconds / 86_400),
        }
    };
    if ahead >= Duration::from_secs(1) {
        format!("in {}", rough(ahead))
    } else if back >= Duration::from_secs(1) {
        format!("{} ago", rough(back))
    } else {
        "now".to_owned()
    }
}

/// Writes a size in the largest unit that leaves at least one of it.
pub(super) fn bytes(size: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if size < 1024 {
        return format!("{size} B");
    }
    let (mut tenths, mut unit) = (size.saturating_mul(10) / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Writes a value as indented JSON.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| "null".to_owned())
}

/// Writes a value as JSON on one line.
pub(super) fn line<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// Writes an argument so that a POSIX shell takes it as it is.
pub(super) fn shell(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

/// Writes a number of things, with the word for one or for several.
pub(super) fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::Timestamp;

    use super::{bytes, count, duration, moment, relative, shell, time_of_day};

    #[test]
    fn durations_lose_detail_as_they_grow() {
        let texts = [7, 1_250, 61_000, 7_500_000, 200_000_000].map(duration);
        assert_eq!(texts, ["7 ms", "1.2 s", "1 min 1 s", "2 h 5 min", "2 days"]);
    }

    #[test]
    fn instants_are_told_in_utc_and_from_now() {
        let now = Timestamp::from_millis(1_700_000_000_123);
        assert_eq!(moment(now), "2023-11-14 22:13:20 UTC");
        assert_eq!(time_of_day(now), "22:13:20.123");
        assert_eq!(relative(now, now), "now");
        assert_eq!(
            relative(now.after(Duration::from_secs(90)), now),
            "in 1 min"
        );
        assert_eq!(relative(now, now.after(Duration::from_secs(8))), "8 s ago");
    }

    #[test]
    fn sizes_and_counts_have_their_words() {
        assert_eq!(bytes(17), "17 B");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(count(1, "run", "runs"), "1 run");
        assert_eq!(count(0, "run", "runs"), "0 runs");
    }

    #[test]
    fn a_shell_takes_an_argument_as_it_is() {
        assert_eq!(shell("greet"), "greet");
        assert_eq!(shell(r#"{"name":"O'Neil"}"#), r#"'{"name":"O'\''Neil"}'"#);
        assert_eq!(shell(""), "''");
    }
}
