//! Runs: from their beginning to their end, and what is kept of them.

use std::time::Duration;

use domain::{ArtifactDigest, LogLevel, ObjectName, Place, RunId, RunStatus, Timestamp, UserId};

use crate::kv::KvWrite;
use crate::{Error, Store};

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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    /// The method.
    pub method: String,
    /// The host, with its port where one was given.
    pub host: String,
    /// The response's status, if one came.
    pub status: Option<u16>,
    /// How long it took.
    pub duration: Duration,
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
        let _ = begin;
        todo!()
    }

    /// Ends a run, its key-value writes in the same transaction.
    ///
    /// # Errors
    /// When it is not running, or the store fails.
    pub async fn finish_run(&self, finish: FinishRun) -> Result<(), Error> {
        let _ = finish;
        todo!()
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
        let _ = (place, filter, limit);
        todo!()
    }

    /// Returns one run.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run(&self, run: RunId) -> Result<Option<RunRecord>, Error> {
        let _ = run;
        todo!()
    }

    /// Returns a run's log.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_logs(&self, run: RunId) -> Result<Vec<RunLogLine>, Error> {
        let _ = run;
        todo!()
    }

    /// Returns a run's requests, in order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_requests(&self, run: RunId) -> Result<Vec<RunRequest>, Error> {
        let _ = run;
        todo!()
    }

    /// Removes runs that ended before an instant, and all but the newest `keep` of each place;
    /// returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_runs(&self, before: Timestamp, keep: u32) -> Result<u64, Error> {
        let _ = (before, keep);
        todo!()
    }
}
