//! When schedules tick, and which ticks become runs.
//!
//! Ticks follow the wall clock of the schedule's time zone. One that falls into
//! the hour that a change to summer time leaves out comes right after it; one
//! in the hour that comes twice comes once, unless it is for every hour.

use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::declare::CatchUp;
use crate::time::Timestamp;

/// How late a tick may be dealt with and not count as missed: crons count in minutes.
const PUNCTUAL: Duration = Duration::from_secs(60);
/// Further ahead than this lies only what a clock noted that has gone back since.
const HORIZON: Duration = Duration::from_secs(27 * 3600);
/// How far back missed ticks are looked for, one span after the other.
const SPANS: [Duration; 5] = [
    Duration::from_secs(3600),
    Duration::from_secs(24 * 3600),
    Duration::from_secs(32 * 24 * 3600),
    Duration::from_secs(366 * 24 * 3600),
    // Rare ones: on the 29th of February, say.
    Duration::MAX,
];

/// Says why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The text is no cron expression of five fields.
    #[error("`{text}` is not a cron expression: {reason}")]
    Cron {
        /// The text.
        text: String,
        /// Why.
        reason: String,
    },
    /// The time zone is unknown.
    #[error("the time zone `{0}` is unknown")]
    TimeZone(String),
}

/// A schedule that ticks.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

/// What is due of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The tick to run for; ticks before it are dropped.
    pub tick: Option<Timestamp>,
    /// Up to when ticks are dealt with then.
    pub after: Timestamp,
    /// The tick that comes next, if ever one does.
    pub next: Option<Timestamp>,
}

impl Schedule {
    /// Reads five fields of cron and an IANA name.
    ///
    /// # Errors
    /// When one of them is not what it should be.
    pub fn parse(cron: &str, time_zone: &str) -> Result<Self, ScheduleError> {
        Ok(Self {
            cron: parse_cron(cron).map_err(|reason| ScheduleError::Cron {
                text: cron.to_owned(),
                reason,
            })?,
            zone: find_zone(&TimeZoneDatabase::bundled(), time_zone)
                .ok_or_else(|| ScheduleError::TimeZone(time_zone.to_owned()))?,
        })
    }

    /// Returns the first tick after an instant; `None` if there is none any more.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = jiff::Timestamp::from_millisecond(after.as_millis()).ok()?;
        let after = after.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&after, false).ok()?;
        Some(Timestamp::from_millis(next.timestamp().as_millisecond()))
    }

    /// Decides what is due: ticks after `after` up to `now`, the last of them at most.
    #[must_use]
    pub fn due(&self, catch_up: CatchUp, after: Timestamp, now: Timestamp) -> Due {
        let after = if after.since(now) > HORIZON {
            now
        } else {
            after
        };
        let last = self.last_between(after, now);
        let tick = last.filter(|tick| match catch_up {
            CatchUp::Once => true,
            CatchUp::Skip => now.since(*tick) <= PUNCTUAL,
        });
        let after = last.unwrap_or(after);
        Due {
            tick,
            after,
            next: self.next_after(after),
        }
    }

    /// Returns the last tick after `after` and not after `now`.
    fn last_between(&self, after: Timestamp, now: Timestamp) -> Option<Timestamp> {
        for span in SPANS {
            // Not every tick of a long absence is looked at, only those near its end.
            let from = after.max(before(now, span));
            let mut last = None;
            let mut at = from;
            while let Some(tick) = self.next_after(at).filter(|tick| *tick <= now) {
                last = Some(tick);
                at = tick;
            }
            if last.is_some() || from == after {
                return last;
            }
        }
        None
    }
}

fn before(instant: Timestamp, span: Duration) -> Timestamp {
    let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(instant.as_millis().saturating_sub(millis))
}

/// Parses five fields of cron, and nothing that is read differently elsewhere.
pub(crate) fn parse_cron(text: &str) -> Result<Cron, String> {
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build()
        .parse(text)
        .map_err(|error| error.to_string())
}

/// Finds a time zone in a database.
pub(crate) fn find_zone(database: &TimeZoneDatabase, name: &str) -> Option<TimeZone> {
    database.get(name).ok().filter(|zone| !zone.is_unknown())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        let instant: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_millis(instant.as_millisecond())
    }

    fn ticks(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(cron, zone).unwrap();
        let mut at = at(from);
        let mut found = Vec::new();
        for _ in 0..count {
            at = schedule.next_after(at).unwrap();
            found.push(at.to_string());
        }
        found
    }

    #[test]
    fn ticks_follow_the_wall_clock_of_their_zone() {
        // Winter, then summer.
        assert_eq!(
            ticks("0 18 * * *", "Europe/Berlin", "2024-03-30T00:00:00Z", 2),
            ["2024-03-30T17:00:00.000Z", "2024-03-31T16:00:00.000Z"]
        );
        assert_eq!(
            ticks("*/15 * * * *", "UTC", "2024-01-01T10:07:30.5Z", 2),
            ["2024-01-01T10:15:00.000Z", "2024-01-01T10:30:00.000Z"]
        );
        assert_eq!(
            ticks("0 7 * * 1-5", "Asia/Kolkata", "2024-01-05T02:00:00Z", 1),
            ["2024-01-08T01:30:00.000Z"]
        );
    }

    #[test]
    fn an_hour_that_is_left_out_or_comes_twice_gives_one_tick() {
        // 02:30 does not come on the 31st, so the tick is at 03:00 of summer.
        assert_eq!(
            ticks("30 2 * * *", "Europe/Berlin", "2024-03-30T12:00:00Z", 2),
            ["2024-03-31T01:00:00.000Z", "2024-04-01T00:30:00.000Z"]
        );
        // 02:30 comes twice on the 27th.
        assert_eq!(
            ticks("30 2 * * *", "Europe/Berlin", "2024-10-26T12:00:00Z", 2),
            ["2024-10-27T00:30:00.000Z", "2024-10-28T01:30:00.000Z"]
        );
    }

    #[test]
    fn a_tick_is_exclusive_of_the_instant_it_is_asked_after() {
        assert_eq!(
            ticks("0 * * * *", "UTC", "2024-01-01T10:00:00Z", 1),
            ["2024-01-01T11:00:00.000Z"]
        );
        assert_eq!(
            ticks("0 * * * *", "UTC", "2024-01-01T09:59:59.999Z", 1),
            ["2024-01-01T10:00:00.000Z"]
        );
    }

    fn check(catch_up: CatchUp, after: &str, now: &str, tick: Option<&str>, next: &str) {
        let schedule = Schedule::parse("0 * * * *", "UTC").unwrap();
        let due = schedule.due(catch_up, at(after), at(now));
        let what = format!("{catch_up:?} {after} {now}: {due:?}");
        assert_eq!(due.tick, tick.map(at), "{what}");
        assert_eq!(due.next, Some(at(next)), "{what}");
    }

    #[test]
    fn of_the_ticks_that_were_missed_one_runs_or_none() {
        use CatchUp::{Once, Skip};
        let (after, next) = ("2024-01-01T10:00:00Z", "2024-01-01T15:00:00Z");
        // Nobody was there from ten to half past two.
        let now = "2024-01-01T14:30:00Z";
        check(Once, after, now, Some("2024-01-01T14:00:00Z"), next);
        check(Skip, after, now, None, next);
        // Somebody was there and is a little late.
        let now = "2024-01-01T14:00:03Z";
        check(Once, after, now, Some("2024-01-01T14:00:00Z"), next);
        check(Skip, after, now, Some("2024-01-01T14:00:00Z"), next);
        // It is not yet time.
        let now = "2024-01-01T10:59:59.999Z";
        check(Once, after, now, None, "2024-01-01T11:00:00Z");
    }

    #[test]
    fn a_tick_that_was_dealt_with_is_not_due_when_the_clock_goes_back() {
        let after = "2024-01-01T10:00:00Z";
        let now = "2024-01-01T09:30:00Z";
        check(CatchUp::Once, after, now, None, "2024-01-01T11:00:00Z");
        // Noted by a clock that was wrong by years.
        let after = "2099-01-01T00:00:00Z";
        check(CatchUp::Once, after, now, None, "2024-01-01T10:00:00Z");
    }

    #[test]
    fn a_rare_tick_is_found_after_years() {
        let schedule = Schedule::parse("0 0 29 2 *", "UTC").unwrap();
        let due = schedule.due(
            CatchUp::Once,
            at("2016-01-01T00:00:00Z"),
            at("2026-01-01T00:00:00Z"),
        );
        assert_eq!(due.tick, Some(at("2024-02-29T00:00:00Z")));
        assert_eq!(due.next, Some(at("2028-02-29T00:00:00Z")));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for (cron, zone) in [
            ("* * * *", "UTC"),
            ("0 0 0 * * *", "UTC"),
            ("0 0 * * *", "Mars/Olympus"),
        ] {
            assert!(Schedule::parse(cron, zone).is_err(), "{cron} {zone}");
        }
    }

    proptest! {
        /// Whoever looks at whatever moments, no tick runs twice and, caught up once, none goes by.
        #[test]
        fn each_look_deals_with_the_ticks_since_the_last(
            cron in prop::sample::select(vec!["* * * * *", "*/7 1-4 * * *", "30 2 * * *", "0 0 1 * *"]),
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York"]),
            start in 1_700_000_000_i64..1_735_000_000,
            steps in prop::collection::vec(0_i64..200_000, 1..20),
        ) {
            let schedule = Schedule::parse(cron, zone).unwrap();
            let mut now = Timestamp::from_millis(start * 1000);
            let mut after = now;
            for step in steps {
                now = Timestamp::from_millis(now.as_millis() + step * 1000);
                let expected = schedule.next_after(after).filter(|tick| *tick <= now);
                let due = schedule.due(CatchUp::Once, after, now);
                prop_assert_eq!(due.tick.is_some(), expected.is_some());
                if let Some(tick) = due.tick {
                    prop_assert!(tick > after && tick <= now);
                    prop_assert!(schedule.next_after(tick).is_none_or(|next| next > now));
                }
                prop_assert!(due.next.is_none_or(|next| next > now));
                after = due.after;
            }
        }
    }
}
