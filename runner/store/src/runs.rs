//! Runs: from their beginning to their end, and what is kept of them.

use std::time::Duration;

use domain::{ArtifactDigest, LogLevel, ObjectName, Place, RunId, RunStatus, Timestamp, UserId};

use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use crate::columns::{
    Stored, change, first, insert, json, micros, number, rows, signed, text, time, time_opt,
    to_json,
};
use crate::kv::{self, KvWrite};
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
}

impl Stored for RunKind {
    const WHAT: &'static str = "kind of run";

    fn from_text(text: &str) -> Option<Self> {
        [Self::Action, Self::Workflow, Self::Webhook]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// A run that begins.
#[derive(Debug, Clone)]
pub struct BeginRun {
    /// Where.
    pub place: Place,
    /// What kind of object runs.
    pub kind: RunKind,
    /// Which.
    pub object: ObjectName,
    /// On which artifact.
    pub artifact: ArtifactDigest,
    /// What started it, in words such as `cli`.
    pub trigger: String,
    /// For which connected user.
    pub user: Option<UserId>,
    /// Its input, a JSON text.
    pub input: String,
    /// The run that it repeats.
    pub replay_of: Option<RunId>,
    /// The present.
    pub now: Timestamp,
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

/// A run that is over.
#[derive(Debug, Clone)]
pub struct FinishRun {
    /// The run.
    pub run: RunId,
    /// How it ended; not `running`.
    pub status: RunStatus,
    /// Its output, a JSON text.
    pub output: Option<String>,
    /// Its error.
    pub error: Option<RunError>,
    /// Its log.
    pub logs: Vec<RunLogLine>,
    /// Its requests.
    pub requests: Vec<RunRequest>,
    /// What it used.
    pub usage: RunUsage,
    /// How long it took.
    pub duration: Duration,
    /// What it wrote to the key-value store.
    pub kv_writes: Vec<KvWrite>,
    /// The present.
    pub now: Timestamp,
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
    /// On which artifact.
    pub artifact: ArtifactDigest,
    /// What started it.
    pub trigger: String,
    /// For which connected user.
    pub user: Option<UserId>,
    /// How it stands.
    pub status: RunStatus,
    /// Its input, a JSON text.
    pub input: String,
    /// Its output, a JSON text.
    pub output: Option<String>,
    /// Its error.
    pub error: Option<RunError>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How long it took.
    pub duration: Option<Duration>,
    /// What it used.
    pub usage: RunUsage,
    /// The run that it repeats.
    pub replay_of: Option<RunId>,
}

/// Which runs are wanted.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Those that stand so.
    pub status: Option<RunStatus>,
    /// Those of this object.
    pub object: Option<ObjectName>,
    /// Those before this one.
    pub before: Option<RunId>,
}

impl Store {
    /// Begins a run.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_run(&self, begin: BeginRun) -> Result<RunId, Error> {
        self.database()
            .write(move |tx| {
                insert(
                    tx,
                    "INSERT INTO runs (project, environment, kind, object, artifact, trigger, user,
                       status, input, started_at, replay_of)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'running', ?8, ?9, ?10)",
                    params![
                        begin.place.project.0,
                        begin.place.environment.0,
                        begin.kind.as_str(),
                        begin.object.as_str(),
                        begin.artifact.to_string(),
                        begin.trigger,
                        begin.user.map(|user| user.0),
                        begin.input,
                        begin.now.as_millis(),
                        begin.replay_of.map(|run| run.0)
                    ],
                )
                .map(RunId)
            })
            .await
    }

    /// Ends a run, its key-value writes in the same transaction.
    ///
    /// # Errors
    /// When it is not running, or the store fails.
    pub async fn finish_run(&self, finish: FinishRun) -> Result<(), Error> {
        let logs = to_json(&finish.logs);
        let requests = to_json(&finish.requests);
        self.database()
            .write(move |tx| {
                let place = first(
                    tx,
                    "SELECT project, environment FROM runs WHERE id = ?1 AND status = 'running'",
                    [finish.run.0],
                    columns::place,
                )?
                .ok_or_else(|| Error::NotFound(format!("run {} under way", finish.run)))?;
                end(tx, &finish)?;
                change(
                    tx,
                    "INSERT INTO run_details (run, logs, requests) VALUES (?1, ?2, ?3)",
                    params![finish.run.0, logs, requests],
                )?;
                kv::write_all(tx, place, &finish.kv_writes)
            })
            .await
    }

    /// Cancels a run that was interrupted; nothing tries it again.
    ///
    /// # Errors
    /// When it is not interrupted, or the store fails.
    pub async fn cancel_run(&self, run: RunId, now: Timestamp) -> Result<(), Error> {
        self.database()
            .write(move |tx| {
                let cancelled = change(
                    tx,
                    "UPDATE runs SET status = 'cancelled', finished_at = coalesce(finished_at, ?2)
                     WHERE id = ?1 AND status = 'interrupted'",
                    params![run.0, now.as_millis()],
                )?;
                if cancelled == 0 {
                    return Err(Error::NotFound(format!("interrupted run {run}")));
                }
                Ok(())
            })
            .await
    }

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
                    "SELECT * FROM runs WHERE project = ?1 AND environment = ?2 AND id < ?3
                       AND (?4 IS NULL OR status = ?4) AND (?5 IS NULL OR object = ?5)
                     ORDER BY id DESC LIMIT ?6",
                    params![
                        place.project.0,
                        place.environment.0,
                        filter.before.map_or(i64::MAX, |run| run.0),
                        filter.status.map(RunStatus::as_str),
                        filter.object.as_ref().map(ObjectName::as_str),
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

    /// Returns a run's log.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_logs(&self, run: RunId) -> Result<Vec<RunLogLine>, Error> {
        self.database()
            .read(move |tx| {
                let sql = "SELECT logs FROM run_details WHERE run = ?1";
                Ok(first(tx, sql, [run.0], |row| json(row, "logs"))?.unwrap_or_default())
            })
            .await
    }

    /// Returns a run's requests, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_requests(&self, run: RunId) -> Result<Vec<RunRequest>, Error> {
        self.database()
            .read(move |tx| {
                let sql = "SELECT requests FROM run_details WHERE run = ?1";
                Ok(first(tx, sql, [run.0], |row| json(row, "requests"))?.unwrap_or_default())
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

fn end(tx: &Connection, finish: &FinishRun) -> Result<(), Error> {
    change(
        tx,
        "UPDATE runs SET status = ?2, output = ?3, error_code = ?4, error_message = ?5,
           error_retryable = ?6, finished_at = ?7, duration_us = ?8, cpu_us = ?9, peak_memory = ?10
         WHERE id = ?1",
        params![
            finish.run.0,
            finish.status.as_str(),
            finish.output,
            finish.error.as_ref().map(|error| &error.code),
            finish.error.as_ref().map(|error| &error.message),
            finish.error.as_ref().map(|error| error.retryable),
            finish.now.as_millis(),
            micros(finish.duration),
            micros(finish.usage.cpu),
            signed(finish.usage.peak_memory)
        ],
    )
    .map(drop)
}

fn read_run(row: &Row<'_>) -> Result<RunRecord, Error> {
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
        artifact: text(row, "artifact")?,
        trigger: row.get("trigger")?,
        user: row.get::<_, Option<String>>("user")?.map(UserId),
        status: text(row, "status")?,
        input: row.get("input")?,
        output: row.get("output")?,
        error,
        started_at: time(row, "started_at")?,
        finished_at: time_opt(row, "finished_at")?,
        duration: duration.map(|us| Duration::from_micros(us.unsigned_abs())),
        usage: RunUsage {
            cpu: columns::duration(row, "cpu_us")?,
            peak_memory: number(row, "peak_memory")?,
        },
        replay_of: row.get::<_, Option<i64>>("replay_of")?.map(RunId),
    })
}
