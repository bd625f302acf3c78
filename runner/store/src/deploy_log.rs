//! The log lines of a deploy.

use domain::{DeployId, LogLevel, Stage, Timestamp};

use crate::{Error, Store};

/// A line to be written to a deploy's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLogLine {
    /// When.
    pub at: Timestamp,
    /// How weighty.
    pub level: LogLevel,
    /// In which stage.
    pub stage: Option<Stage>,
    /// About which object, as `kind name`.
    pub object: Option<String>,
    /// What.
    pub message: String,
    /// More of it.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// A line of a deploy's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its number, from 1.
    pub sequence: u64,
    /// The line.
    pub line: NewLogLine,
}

impl Store {
    /// Appends lines to a deploy's log; returns the number of the last.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn append_log(&self, deploy: DeployId, lines: Vec<NewLogLine>) -> Result<u64, Error> {
        let _ = (deploy, lines);
        todo!()
    }

    /// Returns at most `limit` lines of a deploy's log after a number.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deploy_logs(
        &self,
        deploy: DeployId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<LogLine>, Error> {
        let _ = (deploy, after, limit);
        todo!()
    }
}
