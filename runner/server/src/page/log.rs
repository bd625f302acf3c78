//! A log, filtered by level and a page at a time.

use domain::LogLevel;
use engine::LogReport;
use serde::Deserialize;

/// How many lines one page shows.
const PAGE: usize = 500;

/// What of a log the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct LogFilter {
    /// The least level.
    level: Option<String>,
    /// The line after which to begin.
    after: Option<u64>,
}

/// A level to choose.
pub(super) struct LevelChoice {
    pub(super) title: &'static str,
    pub(super) path: String,
    pub(super) here: bool,
    pub(super) count: usize,
}

/// A log as a page shows it.
pub(super) struct Log {
    pub(super) choices: Vec<LevelChoice>,
    pub(super) lines: Vec<LogReport>,
    pub(super) total: usize,
    pub(super) more: Option<String>,
    pub(super) left: usize,
}

impl Log {
    /// Picks the lines that are asked for.
    pub(super) fn new(lines: Vec<LogReport>, filter: &LogFilter) -> Self {
        let chosen = filter.level.as_deref().and_then(LogLevel::from_name);
        let least = chosen.unwrap_or(LogLevel::Trace);
        let total = lines.len();
        let choices = choices(&lines, chosen);
        let after = filter.after.unwrap_or(0);
        let mut picked: Vec<LogReport> = lines
            .into_iter()
            .filter(|line| line.level >= least && line.sequence > after)
            .collect();
        let left = picked.len().saturating_sub(PAGE);
        picked.truncate(PAGE);
        let last = picked.last().filter(|_| left > 0);
        Self {
            choices,
            more: last.map(|line| {
                let level = chosen.map_or(String::new(), |level| format!("level={level}&"));
                format!("?{level}after={}#log", line.sequence)
            }),
            total,
            left,
            lines: picked,
        }
    }
}

fn choices(lines: &[LogReport], chosen: Option<LogLevel>) -> Vec<LevelChoice> {
    let at_least = |level: LogLevel| lines.iter().filter(|line| line.level >= level).count();
    let titles = [
        (LogLevel::Info, "info and above"),
        (LogLevel::Warn, "warnings"),
        (LogLevel::Error, "errors"),
    ];
    let all = LevelChoice {
        title: "all",
        path: "?#log".to_owned(),
        here: chosen.is_none(),
        count: lines.len(),
    };
    let each = titles.into_iter().map(|(level, title)| LevelChoice {
        title,
        path: format!("?level={level}#log"),
        here: chosen == Some(level),
        count: at_least(level),
    });
    std::iter::once(all).chain(each).collect()
}

#[cfg(test)]
mod tests {
    use domain::{LogLevel, Timestamp};
    use engine::LogReport;

    use super::{Log, LogFilter, PAGE};

    fn lines(count: u64) -> Vec<LogReport> {
        (1..=count)
            .map(|sequence| LogReport {
                sequence,
                time: Timestamp::EPOCH,
                level: if sequence % 10 == 0 {
                    LogLevel::Warn
                } else {
                    LogLevel::Info
                },
                stage: None,
                object: None,
                message: format!("line {sequence}"),
                fields: serde_json::Value::Null,
            })
            .collect()
    }

    #[test]
    fn only_lines_of_the_level_and_above_are_shown_and_all_are_counted() {
        let filter = LogFilter {
            level: Some("warn".to_owned()),
            after: None,
        };
        let log = Log::new(lines(40), &filter);
        assert_eq!(log.lines.len(), 4);
        let counts: Vec<usize> = log.choices.iter().map(|choice| choice.count).collect();
        assert_eq!(counts, [40, 40, 4, 0]);
    }

    #[test]
    fn a_long_log_is_shown_a_page_at_a_time_and_no_line_is_left_out() {
        let mut seen = Vec::new();
        let mut after = Some(0);
        while let Some(from) = after {
            let filter = LogFilter {
                level: None,
                after: Some(from),
            };
            let log = Log::new(lines(2 * PAGE as u64 + 3), &filter);
            seen.extend(log.lines.iter().map(|line| line.sequence));
            after = log.more.map(|more| {
                let number = more.trim_start_matches("?after=").trim_end_matches("#log");
                number.parse().unwrap()
            });
        }
        assert_eq!(seen, (1..=2 * PAGE as u64 + 3).collect::<Vec<_>>());
    }
}
