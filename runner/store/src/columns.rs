//! How values of the domain stand in columns, and how they are read back.
//!
//! A text that the domain does not know means that the database is damaged:
//! it is never taken for something else.

use std::str::FromStr;
use std::time::Duration;

use domain::{
    ArtifactDigest, DeployCause, DeployListHash, DeployStatus, EnvironmentName, LogLevel,
    ObjectKind, ObjectName, Patience, Place, ProjectName, RegistrationState, RunStatus, Stage,
    StageStatus, StepKind, StepState, Timestamp, ValueKind, ValueVersions, Wave,
};
use rusqlite::{Params, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// Something that stands in a column as a text.
pub(crate) trait Stored: Sized {
    /// What it is called in errors.
    const WHAT: &'static str;

    /// Reads it back; `None` for a text that it is not.
    fn from_text(text: &str) -> Option<Self>;
}

macro_rules! stored {
    ($($type:ty, $what:literal, $read:expr;)+) => {
        $(impl Stored for $type {
            const WHAT: &'static str = $what;

            fn from_text(text: &str) -> Option<Self> {
                $read(text)
            }
        })+
    };
}

fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

stored! {
    StepKind, "kind of step", StepKind::from_name;
    StepState, "state of a step", StepState::from_name;
    RegistrationState, "state of a registration", RegistrationState::from_name;
    DeployStatus, "status of a deploy", DeployStatus::from_name;
    DeployCause, "cause of a deploy", DeployCause::from_name;
    Stage, "stage", Stage::from_name;
    StageStatus, "status of a stage", StageStatus::from_name;
    RunStatus, "status of a run", RunStatus::from_name;
    Patience, "patience of a run", Patience::from_name;
    LogLevel, "level of a log", LogLevel::from_name;
    ValueKind, "kind of value", ValueKind::from_name;
    ObjectKind, "kind of object", ObjectKind::from_name;
    ObjectName, "name of an object", parsed;
    ProjectName, "name of a project", parsed;
    EnvironmentName, "name of an environment", parsed;
    ArtifactDigest, "digest of an artifact", parsed;
    DeployListHash, "hash of a deploy list", parsed;
}

/// Reads a text column as a value of the domain.
pub(crate) fn text<T: Stored>(row: &Row<'_>, column: &str) -> Result<T, Error> {
    known(
        row.get_ref(column)?
            .as_str()
            .map_err(rusqlite::Error::from)?,
    )
}

/// Reads a text column that may be empty.
pub(crate) fn text_opt<T: Stored>(row: &Row<'_>, column: &str) -> Result<Option<T>, Error> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| known(&text)).transpose()
}

/// Takes a text for a value of the domain.
pub(crate) fn known<T: Stored>(text: &str) -> Result<T, Error> {
    T::from_text(text).ok_or_else(|| Error::corrupt(format!("`{text}` is no {}", T::WHAT)))
}

/// Reads a column of milliseconds as an instant.
pub(crate) fn time(row: &Row<'_>, column: &str) -> Result<Timestamp, Error> {
    Ok(Timestamp::from_millis(row.get(column)?))
}

/// Reads a column of milliseconds that may be empty.
pub(crate) fn time_opt(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>, Error> {
    let millis: Option<i64> = row.get(column)?;
    Ok(millis.map(Timestamp::from_millis))
}

/// Reads a column that is a number from 0.
pub(crate) fn number<T: TryFrom<i64>>(row: &Row<'_>, column: &str) -> Result<T, Error> {
    let number: i64 = row.get(column)?;
    T::try_from(number).map_err(|_| Error::corrupt(format!("{number} in the column {column}")))
}

/// Reads a column of microseconds.
pub(crate) fn duration(row: &Row<'_>, column: &str) -> Result<Duration, Error> {
    number(row, column).map(Duration::from_micros)
}

/// Reads a column that holds JSON.
pub(crate) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, Error> {
    let text = row.get_ref(column)?;
    from_json(text.as_str().map_err(rusqlite::Error::from)?)
}

/// Reads JSON that the store wrote.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::corrupt(error.to_string()))
}

/// Writes JSON for a column.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("what the store keeps has text keys only")
}

/// Writes versions as JSON: pairs, since their keys are no texts.
pub(crate) fn versions_to_json(versions: &ValueVersions) -> String {
    to_json(&versions.iter().collect::<Vec<_>>())
}

/// Reads versions as [`versions_to_json`] wrote them.
pub(crate) fn versions(row: &Row<'_>, column: &str) -> Result<ValueVersions, Error> {
    let pairs: Vec<(domain::ValueKey, u64)> = json(row, column)?;
    Ok(pairs.into_iter().collect())
}

/// Reads a step's wave.
pub(crate) fn wave(row: &Row<'_>, column: &str) -> Result<Wave, Error> {
    let number: u8 = number(row, column)?;
    Wave::from_number(number).ok_or_else(|| Error::corrupt(format!("{number} is no wave")))
}

/// Reads the columns `project` and `environment`.
pub(crate) fn place(row: &Row<'_>) -> Result<Place, Error> {
    Ok(Place {
        project: domain::ProjectId(row.get("project")?),
        environment: domain::EnvironmentId(row.get("environment")?),
    })
}

/// Brings a number into the range of a column.
pub(crate) fn signed<T: TryInto<i64>>(number: T) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Brings a duration into a column of microseconds.
pub(crate) fn micros(duration: Duration) -> i64 {
    signed(duration.as_micros())
}

/// Runs a query and reads each of its rows.
pub(crate) fn rows<T>(
    connection: &rusqlite::Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// Runs a query and reads its first row, if there is one.
pub(crate) fn first<T>(
    connection: &rusqlite::Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// Runs a statement; returns how many rows it changed.
pub(crate) fn change(
    connection: &rusqlite::Connection,
    sql: &str,
    params: impl Params,
) -> Result<usize, Error> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// Runs an `INSERT`; returns the new row's id.
pub(crate) fn insert(
    connection: &rusqlite::Connection,
    sql: &str,
    params: impl Params,
) -> Result<i64, Error> {
    Ok(connection.prepare_cached(sql)?.insert(params)?)
}

/// Runs a query for one number, such as a count.
pub(crate) fn count(
    connection: &rusqlite::Connection,
    sql: &str,
    params: impl Params,
) -> Result<i64, Error> {
    Ok(connection
        .prepare_cached(sql)?
        .query_row(params, |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_the_domain_does_not_know_is_damage() {
        assert!(matches!(known::<StepState>("done"), Ok(StepState::Done)));
        let error = known::<StepState>("finished").unwrap_err();
        assert!(
            matches!(&error, Error::Corrupt(text) if text.contains("finished")),
            "{error}"
        );
    }
}
