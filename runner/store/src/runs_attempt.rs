//! Attempts of runs: how they begin, end, are cut short and cancelled.

use std::time::Duration;

use domain::{
    ArtifactDigest, IllegalRunMove, Place, RunId, RunStatus, Timestamp, UserId, run_after_crash,
};
use rusqlite::{Connection, params};

use crate::columns::{change, first, micros, rows, signed, to_json};
use crate::events::{self, Cause};
use crate::kv::{self, KvWrite};
use crate::queue::{self, QueueRun};
use crate::runs::{RunError, RunKind, RunLogLine, RunRecord, RunRequest, RunUsage, read_run};
use crate::{Error, Store};

/// The stable code of the error of a run that was cut short.
const INTERRUPTED: &str = "run-interrupted";

/// On which artifact a run is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOn {
    /// On this one if it is live, with the object.
    Live(ArtifactDigest),
    /// On this one, live or not.
    Fixed(ArtifactDigest),
}

/// What became of beginning an attempt of a run that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BegunAttemptOfRun {
    /// It is running.
    Begun {
        /// The attempt, counted from 1.
        attempt: u32,
    },
    /// The artifact is not the live one any more, or the object is not live on it.
    NotLive,
    /// It does not wait: it is running, or over.
    NotWaiting(RunStatus),
}

/// An attempt of a run that is over.
#[derive(Debug, Clone)]
pub struct FinishRun {
    /// The run.
    pub run: RunId,
    /// Where the run goes.
    pub status: RunStatus,
    /// When it is attempted next, if it is.
    pub next_attempt_at: Option<Timestamp>,
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

/// What ending an attempt led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FinishedRun {
    /// The runs that its output started.
    pub started: Vec<RunId>,
}

impl Store {
    /// Begins a run with its first attempt; `None` if the artifact, or the object on it, is not live.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_run(&self, run: QueueRun, on: RunOn) -> Result<Option<RunId>, Error> {
        self.database()
            .write(move |tx| {
                let artifact = match on {
                    RunOn::Fixed(artifact) => artifact,
                    RunOn::Live(artifact) => {
                        let kind = run.kind.object_kind();
                        if !queue::is_live_on(tx, run.place, kind, &run.object, artifact)? {
                            return Ok(None);
                        }
                        artifact
                    }
                };
                queue::begin(tx, &run, artifact).map(Some)
            })
            .await
    }

    /// Begins the next attempt of a run that waits, on an artifact that must be live.
    ///
    /// # Errors
    /// When there is no such run, or the store fails.
    pub async fn begin_attempt_of_run(
        &self,
        run: RunId,
        artifact: ArtifactDigest,
        now: Timestamp,
    ) -> Result<BegunAttemptOfRun, Error> {
        self.database()
            .write(move |tx| {
                let record = find(tx, run)?;
                let status = record.status;
                if !matches!(status, RunStatus::Queued | RunStatus::Retrying) {
                    return Ok(BegunAttemptOfRun::NotWaiting(status));
                }
                let kind = record.kind.object_kind();
                if !queue::is_live_on(tx, record.place, kind, &record.object, artifact)? {
                    return Ok(BegunAttemptOfRun::NotLive);
                }
                status.moved(RunStatus::Running)?;
                let attempt = record.attempts + 1;
                change(
                    tx,
                    "UPDATE runs SET status = 'running', artifact = ?2, attempts = ?3,
                       started_at = coalesce(started_at, ?4), attempt_started_at = ?4,
                       next_attempt_at = NULL
                     WHERE id = ?1",
                    params![run.0, artifact.to_string(), attempt, now.as_millis()],
                )?;
                Ok(BegunAttemptOfRun::Begun { attempt })
            })
            .await
    }

    /// Ends the attempt under way of a run: its key-value writes, and the runs
    /// that its output starts, in the same transaction.
    ///
    /// # Errors
    /// When it is not running, or the store fails.
    pub async fn finish_run(&self, finish: FinishRun) -> Result<FinishedRun, Error> {
        let logs = to_json(&finish.logs);
        let requests = to_json(&finish.requests);
        self.database()
            .write(move |tx| {
                let run = finish.run;
                let record = running(tx, run)?;
                record.status.moved(finish.status)?;
                let outcome = match finish.status {
                    RunStatus::Retrying | RunStatus::Dead => RunStatus::Failed,
                    other => other,
                };
                note_attempt(tx, &finish, outcome, (&logs, &requests))?;
                end(tx, &finish)?;
                kv::write_all(tx, record.place, &finish.kv_writes)?;
                let started = match (&finish.output, record.kind) {
                    (Some(output), RunKind::Webhook) if finish.status == RunStatus::Succeeded => {
                        start_workflows(tx, &record, output, finish.now)?
                    }
                    _ => Vec::new(),
                };
                Ok(FinishedRun { started })
            })
            .await
    }

    /// Fails a run that waits, for good and without an attempt.
    ///
    /// # Errors
    /// When it does not wait, or the store fails.
    pub async fn fail_waiting_run(
        &self,
        run: RunId,
        error: RunError,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.database()
            .write(move |tx| {
                let (from, to) = (find(tx, run)?.status, RunStatus::Failed);
                // One that is running is its attempt's to end.
                if from == RunStatus::Running {
                    return Err(IllegalRunMove { from, to }.into());
                }
                from.moved(to)?;
                change(
                    tx,
                    "UPDATE runs SET status = 'failed', finished_at = ?2, next_attempt_at = NULL,
                       error_code = ?3, error_message = ?4, error_retryable = ?5
                     WHERE id = ?1",
                    params![
                        run.0,
                        now.as_millis(),
                        error.code,
                        error.message,
                        error.retryable
                    ],
                )
                .map(drop)
            })
            .await
    }

    /// Cancels a run that waits, or that a crash interrupted; returns how it
    /// stood if it was neither.
    ///
    /// # Errors
    /// When there is no such run, or the store fails.
    pub async fn cancel_run(
        &self,
        run: RunId,
        now: Timestamp,
    ) -> Result<Result<(), RunStatus>, Error> {
        self.database()
            .write(move |tx| {
                let status = find(tx, run)?.status;
                // One that is running is its attempt's to end.
                if status == RunStatus::Running || status.moved(RunStatus::Cancelled).is_err() {
                    return Ok(Err(status));
                }
                change(
                    tx,
                    "UPDATE runs SET status = 'cancelled', next_attempt_at = NULL,
                       finished_at = coalesce(finished_at, ?2)
                     WHERE id = ?1",
                    params![run.0, now.as_millis()],
                )?;
                Ok(Ok(()))
            })
            .await
    }

    /// Cuts the attempt under way of a run short, as a crash does; returns how it stands then.
    ///
    /// # Errors
    /// When it is not running, or the store fails.
    pub async fn interrupt_run(&self, run: RunId, now: Timestamp) -> Result<RunStatus, Error> {
        self.database()
            .write(move |tx| interrupt(tx, &running(tx, run)?, now))
            .await
    }
}

/// Puts the runs in order whose process died.
pub(crate) fn interrupt_all(tx: &Connection, now: Timestamp) -> Result<Vec<RunId>, Error> {
    let found = rows(
        tx,
        "SELECT * FROM runs WHERE status = 'running' ORDER BY id",
        [],
        read_run,
    )?;
    found
        .iter()
        .map(|record| interrupt(tx, record, now).map(|_| record.id))
        .collect()
}

fn interrupt(tx: &Connection, record: &RunRecord, now: Timestamp) -> Result<RunStatus, Error> {
    let status = record
        .status
        .moved(run_after_crash(record.patience, record.attempts))?;
    let retried = status == RunStatus::Retrying;
    let finish = FinishRun {
        run: record.id,
        status,
        next_attempt_at: retried.then_some(now),
        output: None,
        error: Some(RunError {
            code: INTERRUPTED.to_owned(),
            message: "the process ended during the attempt".to_owned(),
            retryable: retried,
        }),
        logs: Vec::new(),
        requests: Vec::new(),
        usage: RunUsage::default(),
        duration: Duration::ZERO,
        kv_writes: Vec::new(),
        now,
    };
    note_attempt(tx, &finish, RunStatus::Interrupted, ("[]", "[]"))?;
    end(tx, &finish)?;
    if retried {
        // Whoever waited for the answer is gone.
        change(
            tx,
            "UPDATE runs SET patience = 'queued' WHERE id = ?1",
            [record.id.0],
        )?;
    }
    Ok(status)
}

pub(crate) fn find(tx: &Connection, run: RunId) -> Result<RunRecord, Error> {
    first(tx, "SELECT * FROM runs WHERE id = ?1", [run.0], read_run)?
        .ok_or_else(|| Error::NotFound(format!("run {run}")))
}

fn running(tx: &Connection, run: RunId) -> Result<RunRecord, Error> {
    let record = find(tx, run)?;
    if record.status == RunStatus::Running {
        return Ok(record);
    }
    Err(Error::NotFound(format!("run {run} under way")))
}

fn note_attempt(
    tx: &Connection,
    finish: &FinishRun,
    outcome: RunStatus,
    (logs, requests): (&str, &str),
) -> Result<(), Error> {
    change(
        tx,
        "INSERT INTO run_attempts (run, number, artifact, started_at, ended_at, outcome, error_code,
           error_message, duration_us, cpu_us, peak_memory, logs, requests)
         SELECT id, attempts, artifact, attempt_started_at, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
         FROM runs WHERE id = ?1",
        params![
            finish.run.0,
            finish.now.as_millis(),
            outcome.as_str(),
            finish.error.as_ref().map(|error| &error.code),
            finish.error.as_ref().map(|error| &error.message),
            micros(finish.duration),
            micros(finish.usage.cpu),
            signed(finish.usage.peak_memory),
            logs,
            requests
        ],
    )
    .map(drop)
}

fn end(tx: &Connection, finish: &FinishRun) -> Result<(), Error> {
    let finished = (!finish.status.is_open()).then_some(finish.now.as_millis());
    change(
        tx,
        "UPDATE runs SET status = ?2, output = ?3, error_code = ?4, error_message = ?5,
           error_retryable = ?6, finished_at = ?7, duration_us = ?8, cpu_us = ?9, peak_memory = ?10,
           next_attempt_at = ?11
         WHERE id = ?1",
        params![
            finish.run.0,
            finish.status.as_str(),
            finish.output,
            finish.error.as_ref().map(|error| &error.code),
            finish.error.as_ref().map(|error| &error.message),
            finish.error.as_ref().map(|error| error.retryable),
            finished,
            micros(finish.duration),
            micros(finish.usage.cpu),
            signed(finish.usage.peak_memory),
            finish.next_attempt_at.map(Timestamp::as_millis)
        ],
    )
    .map(drop)
}

/// Starts the workflows that a webhook triggers, with what its handler returned.
fn start_workflows(
    tx: &Connection,
    record: &RunRecord,
    output: &str,
    now: Timestamp,
) -> Result<Vec<RunId>, Error> {
    let cause = Cause::Webhook(&record.object);
    let parent = Some(record.id);
    let only: Option<&UserId> = record.user.as_ref();
    let place: Place = record.place;
    events::start(tx, place, &cause, only, parent, output, now)
}
