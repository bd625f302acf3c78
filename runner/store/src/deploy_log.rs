//! The log lines of a deploy.

use domain::{DeployId, LogLevel, Stage, Timestamp};

use rusqlite::{Connection, Row, params};

use crate::columns::{change, count, json, number, rows, signed, text, text_opt, time, to_json};
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
        self.database()
            .write(move |tx| {
                let mut sequence = count(
                    tx,
                    "SELECT coalesce(max(sequence), 0) FROM deploy_logs WHERE deploy = ?1",
                    [deploy.0],
                )?;
                for line in &lines {
                    sequence += 1;
                    write_line(tx, deploy, sequence, line)?;
                }
                u64::try_from(sequence).map_err(|_| Error::corrupt("a negative line of a log"))
            })
            .await
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
        self.database()
            .read(move |tx| {
                rows(
                    tx,
                    "SELECT * FROM deploy_logs WHERE deploy = ?1 AND sequence > ?2
                     ORDER BY sequence LIMIT ?3",
                    params![deploy.0, signed(after), limit],
                    read_line,
                )
            })
            .await
    }
}

fn write_line(
    tx: &Connection,
    deploy: DeployId,
    sequence: i64,
    line: &NewLogLine,
) -> Result<(), Error> {
    change(
        tx,
        "INSERT INTO deploy_logs (deploy, sequence, at, level, stage, object, message, fields)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            deploy.0,
            sequence,
            line.at.as_millis(),
            line.level.as_str(),
            line.stage.map(Stage::as_str),
            line.object,
            line.message,
            to_json(&line.fields)
        ],
    )
    .map(drop)
}

fn read_line(row: &Row<'_>) -> Result<LogLine, Error> {
    Ok(LogLine {
        sequence: number(row, "sequence")?,
        line: NewLogLine {
            at: time(row, "at")?,
            level: text(row, "level")?,
            stage: text_opt(row, "stage")?,
            object: row.get("object")?,
            message: row.get("message")?,
            fields: json(row, "fields")?,
        },
    })
}
