//! Runs: what is kept of them and how they are read.

use std::time::Duration;

use domain::{
    ArtifactDigest, DeliveryId, LogLevel, ObjectId, ObjectKind, ObjectName, Patience, Place, RunId,
    RunStatus, Timestamp, UserId,
};

use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use crate::columns::{
    Stored, change, count, first, json, number, rows, text, text_opt, time, time_opt,
};
use crate::queue::Tick;
use crate::{Error, Store, columns};

/// What kind of object runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// An action.
    Action,
    /// A workflow.
    Workflow,
    /// A webhook's handler.
    Webhook,
}

impl RunKind {
    /// Returns the kind's stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Workflow => "workflow",
            Self::Webhook => "webhook",
        }
    }

    /// Returns the kind of the object that runs.
    #[must_use]
    pub const fn object_kind(self) -> ObjectKind {
        match self {
            Self::Action => ObjectKind::Action,
            Self::Workflow => ObjectKind::Workflow,
            Self::Webhook => ObjectKind::Webhook,
        }
    }
}

impl Stored for RunKind {
    const WHAT: &'static str = "kind of run";

    fn from_text(text: &str) -> Option<Self> {
        [Self::Action, Self::Workflow, Self::Webhook]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// What a run used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunUsage {
    /// CPU time.
    pub cpu: Duration,
    /// The most memory at any time, in bytes.
    pub peak_memory: u64,
}

/// An error that a run gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunError {
    /// A stable code.
    pub code: String,
    /// What happened, in words.
    pub message: String,
    /// Whether another attempt may succeed.
    pub retryable: bool,
}

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLogLine {
    /// When.
    pub at: Timestamp,
    /// How weighty.
    pub level: LogLevel,
    /// What.
    pub message: String,
    /// More of it.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// A request that a run sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The method.
    pub method: String,
    /// The host, with its port where one was given.
    pub host: String,
    /// The response's status, if one came.
    pub status: Option<u16>,
    /// How long it took.
    pub duration: Duration,
    /// Why it was not sent, or got no answer.
    #[serde(default)]
    pub error: Option<String>,
}

/// A run of the store.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// Where.
    pub place: Place,
    /// What kind of object ran.
    pub kind: RunKind,
    /// Which.
    pub object: ObjectName,
    /// On which artifact its last attempt ran; `None` before the first.
    pub artifact: Option<ArtifactDigest>,
    /// What started it.
    pub trigger: String,
    /// For which connected user.
    pub user: Option<UserId>,
    /// How it stands.
    pub status: RunStatus,
    /// Whether it is tried again.
    pub patience: Patience,
    /// Its input, a JSON text.
    pub input: String,
    /// Its output, a JSON text.
    pub output: Option<String>,
    /// Its error.
    pub error: Option<RunError>,
    /// When it came into being.
    pub queued_at: Timestamp,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When its next attempt is due, if it waits for one.
    pub next_attempt_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How long the last attempt took.
    pub duration: Option<Duration>,
    /// What the last attempt used.
    pub usage: RunUsage,
    /// Attempts so far, the one under way included.
    pub attempts: u32,
    /// The run that it repeats.
    pub replay_of: Option<RunId>,
    /// The run whose output is its input.
    pub parent: Option<RunId>,
    /// The delivery that it handles.
    pub delivery: Option<DeliveryId>,
    /// The tick that it is for.
    pub tick: Option<Tick>,
}

/// An attempt of a run that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct RunAttemptRecord {
    /// Counts from 1.
    pub number: u32,
    /// On which artifact.
    pub artifact: ArtifactDigest,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How: succeeded, failed, cancelled or interrupted.
    pub outcome: RunStatus,
    /// The code and the words of its error.
    pub error: Option<(String, String)>,
    /// How long it took.
    pub duration: Duration,
    /// What it used.
    pub usage: RunUsage,
}

/// Which runs are wanted.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Those that stand so.
    pub status: Option<RunStatus>,
    /// Those of this object.
    pub object: Option<ObjectName>,
    /// Those of this kind.
    pub kind: Option<RunKind>,
    /// Those before this one.
    pub before: Option<RunId>,
}

impl Store {
    /// Returns at most `limit` runs of a place, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn runs(
        &self,
        place: Place,
        filter: RunFilter,
        limit: u32,
    ) -> Result<Vec<RunRecord>, Error> {
        self.database()
            .read(move |tx| {
                rows(
                    tx,
                    match filter.status {
                        Some(_) => {
                            "SELECT * FROM runs INDEXED BY runs_status
                             WHERE project = ?1 AND environment = ?2 AND id < ?3 AND status = ?4
                               AND (?5 IS NULL OR object = ?5) AND (?6 IS NULL OR kind = ?6)
                             ORDER BY id DESC LIMIT ?7"
                        }
                        None => {
                            "SELECT * FROM runs INDEXED BY runs_place
                             WHERE project = ?1 AND environment = ?2 AND id < ?3 AND ?4 IS NULL
                               AND (?5 IS NULL OR object = ?5) AND (?6 IS NULL OR kind = ?6)
                             ORDER BY id DESC LIMIT ?7"
                        }
                    },
                    params![
                        place.project.0,
                        place.environment.0,
                        filter.before.map_or(i64::MAX, |run| run.0),
                        filter.status.map(RunStatus::as_str),
                        filter.object.as_ref().map(ObjectName::as_str),
                        filter.kind.map(RunKind::as_str),
                        limit
                    ],
                    read_run,
                )
            })
            .await
    }

    /// Returns one run.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run(&self, run: RunId) -> Result<Option<RunRecord>, Error> {
        self.database()
            .read(move |tx| first(tx, "SELECT * FROM runs WHERE id = ?1", [run.0], read_run))
            .await
    }

    /// Returns how many runs of a place stand so.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn count_runs(&self, place: Place, status: RunStatus) -> Result<u64, Error> {
        self.database()
            .read(move |tx| {
                let counted = count(
                    tx,
                    "SELECT count(*) FROM runs
                     WHERE project = ?1 AND environment = ?2 AND status = ?3",
                    params![place.project.0, place.environment.0, status.as_str()],
                )?;
                Ok(counted.unsigned_abs())
            })
            .await
    }

    /// Returns the log of a run's last attempt that is over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_logs(&self, run: RunId) -> Result<Vec<RunLogLine>, Error> {
        self.database()
            .read(move |tx| {
                let sql = "SELECT logs FROM run_attempts WHERE run = ?1
                           ORDER BY number DESC LIMIT 1";
                Ok(first(tx, sql, [run.0], |row| json(row, "logs"))?.unwrap_or_default())
            })
            .await
    }

    /// Returns the log of one attempt; `None` if there is no such attempt, or it is not over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_attempt_logs(
        &self,
        run: RunId,
        number: u32,
    ) -> Result<Option<Vec<RunLogLine>>, Error> {
        self.database()
            .read(move |tx| {
                let sql = "SELECT logs FROM run_attempts WHERE run = ?1 AND number = ?2";
                first(tx, sql, [run.0, i64::from(number)], |row| json(row, "logs"))
            })
            .await
    }

    /// Returns the requests of a run's last attempt that is over, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_requests(&self, run: RunId) -> Result<Vec<RunRequest>, Error> {
        self.database()
            .read(move |tx| {
                let sql = "SELECT requests FROM run_attempts WHERE run = ?1
                           ORDER BY number DESC LIMIT 1";
                Ok(first(tx, sql, [run.0], |row| json(row, "requests"))?.unwrap_or_default())
            })
            .await
    }

    /// Returns the attempts of a run that are over, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_attempts(&self, run: RunId) -> Result<Vec<RunAttemptRecord>, Error> {
        self.database()
            .read(move |tx| {
                rows(
                    tx,
                    "SELECT number, artifact, started_at, ended_at, outcome, error_code,
                       error_message, duration_us, cpu_us, peak_memory
                     FROM run_attempts WHERE run = ?1 ORDER BY number",
                    [run.0],
                    read_attempt,
                )
            })
            .await
    }

    /// Removes runs that ended before an instant, and all but the newest `keep` of each place;
    /// returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_runs(&self, before: Timestamp, keep: u32) -> Result<u64, Error> {
        self.database()
            .write(move |tx| {
                let old = change(
                    tx,
                    "DELETE FROM runs WHERE finished_at < ?1",
                    [before.as_millis()],
                )?;
                let many = change(
                    tx,
                    "DELETE FROM runs WHERE finished_at IS NOT NULL AND id IN (
                       SELECT id FROM (
                         SELECT id, row_number() OVER (
                           PARTITION BY project, environment ORDER BY id DESC) AS nth
                         FROM runs)
                       WHERE nth > ?1)",
                    [keep],
                )?;
                Ok((old + many) as u64)
            })
            .await
    }
}

pub(crate) fn read_run(row: &Row<'_>) -> Result<RunRecord, Error> {
    let error = match row.get::<_, Option<String>>("error_code")? {
        Some(code) => Some(RunError {
            code,
            message: row.get("error_message")?,
            retryable: row.get("error_retryable")?,
        }),
        None => None,
    };
    let duration: Option<i64> = row.get("duration_us")?;
    Ok(RunRecord {
        id: RunId(row.get("id")?),
        place: columns::place(row)?,
        kind: text(row, "kind")?,
        object: text(row, "object")?,
        artifact: text_opt(row, "artifact")?,
        trigger: row.get("trigger")?,
        user: row.get::<_, Option<String>>("user")?.map(UserId),
        status: text(row, "status")?,
        patience: text(row, "patience")?,
        input: row.get("input")?,
        output: row.get("output")?,
        error,
        queued_at: time(row, "queued_at")?,
        started_at: time_opt(row, "started_at")?,
        next_attempt_at: time_opt(row, "next_attempt_at")?,
        finished_at: time_opt(row, "finished_at")?,
        duration: duration.map(|us| Duration::from_micros(us.unsigned_abs())),
        usage: usage(row)?,
        attempts: number(row, "attempts")?,
        replay_of: row.get::<_, Option<i64>>("replay_of")?.map(RunId),
        parent: row.get::<_, Option<i64>>("parent")?.map(RunId),
        delivery: row.get::<_, Option<i64>>("delivery")?.map(DeliveryId),
        tick: tick(row)?,
    })
}

fn tick(row: &Row<'_>) -> Result<Option<Tick>, Error> {
    let object: Option<i64> = row.get("scheduled_object")?;
    let at = time_opt(row, "tick")?;
    Ok(object.zip(at).map(|(object, at)| Tick {
        object: ObjectId(object),
        at,
    }))
}

fn usage(row: &Row<'_>) -> Result<RunUsage, Error> {
    Ok(RunUsage {
        cpu: columns::duration(row, "cpu_us")?,
        peak_memory: number(row, "peak_memory")?,
    })
}

fn read_attempt(row: &Row<'_>) -> Result<RunAttemptRecord, Error> {
    let code: Option<String> = row.get("error_code")?;
    let message: Option<String> = row.get("error_message")?;
    Ok(RunAttemptRecord {
        number: number(row, "number")?,
        artifact: text(row, "artifact")?,
        started_at: time(row, "started_at")?,
        ended_at: time(row, "ended_at")?,
        outcome: text(row, "outcome")?,
        error: code.zip(message),
        duration: columns::duration(row, "duration_us")?,
        usage: usage(row)?,
    })
}
