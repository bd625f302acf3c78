//! The rules for schedules: five fields of cron and a time zone.

use std::collections::HashMap;

use croner::errors::CronError;
use croner::{Cron, Weekday};
use jiff::Span;
use jiff::civil::{Date, date};
use jiff::tz::TimeZoneDatabase;

use super::report::About;
use crate::cron::{find_zone, parse_cron};
use crate::names::shown;

/// The longest cron text that is looked at.
const MAX_CRON: usize = 256;
/// A leap year: a day that never comes in it never comes.
const LEAP_YEAR: Date = date(2024, 1, 1);

/// Checks schedules, each text once.
#[derive(Debug)]
pub(super) struct Schedules<'a> {
    crons: HashMap<&'a str, Result<(), String>>,
    zones: HashMap<&'a str, bool>,
    database: TimeZoneDatabase,
}

impl Default for Schedules<'_> {
    fn default() -> Self {
        Self {
            crons: HashMap::new(),
            zones: HashMap::new(),
            // The one compiled in, so that every host agrees.
            database: TimeZoneDatabase::bundled(),
        }
    }
}

impl<'a> Schedules<'a> {
    /// Checks one schedule.
    pub(super) fn check(&mut self, cron: &'a str, zone: &'a str, about: &mut About<'_>) {
        let found = self.crons.entry(cron).or_insert_with(|| check_cron(cron));
        if let Err(reason) = found {
            about.add(format!(
                "the schedule `{}` is not a cron expression: {reason}",
                shown(cron)
            ));
        }
        let database = &self.database;
        let is_known = *self
            .zones
            .entry(zone)
            .or_insert_with(|| find_zone(database, zone).is_some());
        if !is_known {
            about.add(format!(
                "the time zone `{}` is unknown, an IANA name such as `Europe/Berlin` is expected",
                shown(zone)
            ));
        }
    }
}

fn check_cron(text: &str) -> Result<(), String> {
    if text.len() > MAX_CRON {
        return Err(format!("it has more than {MAX_CRON} characters"));
    }
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let &[_, _, day, _, weekday] = fields.as_slice() else {
        return Err(format!(
            "it has {} fields, five are expected (minute, hour, day, month, weekday)",
            fields.len()
        ));
    };
    // What the parser knows beyond five-field cron would be read as something else elsewhere.
    if let Some(odd) = text
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "*,-/#?".contains(*c)))
    {
        return Err(format!("`{}` is not allowed in it", odd.escape_debug()));
    }
    let cron = parse_cron(text)?;
    // With a weekday given, either field may match, so some day always does.
    if day != "*" && matches!(weekday, "*" | "?") && !ever_comes(&cron) {
        return Err("it names a day that never comes".to_owned());
    }
    Ok(())
}

fn ever_comes(cron: &Cron) -> bool {
    LEAP_YEAR
        .series(Span::new().days(1))
        .take_while(|day| day.year() == LEAP_YEAR.year())
        .any(|day| comes_on(cron, day).unwrap_or(false))
}

fn comes_on(cron: &Cron, date: Date) -> Result<bool, CronError> {
    let month = u32::from(date.month().unsigned_abs());
    let day = u32::from(date.day().unsigned_abs());
    let weekday = Weekday::from_days_from_sunday(u32::from(
        date.weekday().to_sunday_zero_offset().unsigned_abs(),
    ));
    Ok(cron.pattern.month_match(month)?
        && cron
            .pattern
            .day_match(i32::from(date.year()), month, day, weekday)?)
}
