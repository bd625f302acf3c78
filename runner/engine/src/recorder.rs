//! Keeps a deploy's log and stages, and tells the observer of them as they come.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::{DeployId, DeployNumber, LogLevel, Stage, StageStatus, Timestamp};
use store::{NewLogLine, StageRecord};

use crate::engine::Engine;
use crate::finished_build::FinishedBuild;
use crate::observer::{Event, Observer};
use crate::report::{LogReport, StageReport};

/// What ends a log that had no room for all of it.
pub(crate) const LOG_FULL: &str = "the log was full; lines were left out";

/// One deploy's log and stages.
pub(crate) struct Recorder<'a> {
    engine: &'a Engine,
    pub(crate) deploy: DeployId,
    pub(crate) number: DeployNumber,
    observer: &'a dyn Observer,
    pending: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    lines: Vec<NewLogLine>,
    sequence: u64,
    stage: Option<Stage>,
}

impl Pending {
    /// Makes the next line of the log.
    fn line(
        &mut self,
        at: Timestamp,
        level: LogLevel,
        object: Option<String>,
        message: String,
        fields: serde_json::Map<String, serde_json::Value>,
    ) -> NewLogLine {
        self.sequence += 1;
        NewLogLine {
            at,
            level,
            stage: self.stage,
            object,
            message,
            fields,
        }
    }
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(
        engine: &'a Engine,
        (deploy, number): (DeployId, DeployNumber),
        observer: &'a dyn Observer,
    ) -> Self {
        Self {
            engine,
            deploy,
            number,
            observer,
            pending: Mutex::default(),
        }
    }

    pub(crate) fn event(&self, event: Event) {
        self.observer.event(event);
    }

    pub(crate) fn observer(&self) -> &'a dyn Observer {
        self.observer
    }

    /// Adds a line to the log; it is stored when the stage ends.
    pub(crate) fn log(&self, level: LogLevel, object: Option<String>, message: impl Into<String>) {
        self.log_with(level, object, message.into(), serde_json::Map::new());
    }

    /// Adds a line with fields to the log.
    pub(crate) fn log_with(
        &self,
        level: LogLevel,
        object: Option<String>,
        message: String,
        fields: serde_json::Map<String, serde_json::Value>,
    ) {
        let mut pending = self.pending();
        let line = pending.line(self.engine.clock.now(), level, object, message, fields);
        self.observer.event(Event::Log(LogReport {
            sequence: pending.sequence,
            time: line.at,
            level: line.level,
            stage: line.stage,
            object: line.object.clone(),
            message: line.message.clone(),
            fields: if line.fields.is_empty() {
                serde_json::Value::Null
            } else {
                serde_json::Value::Object(line.fields.clone())
            },
        }));
        pending.lines.push(line);
    }

    /// Adds a line that the observer is told of in another way.
    pub(crate) fn note(&self, level: LogLevel, object: Option<String>, message: String) {
        let mut pending = self.pending();
        let fields = serde_json::Map::new();
        let line = pending.line(self.engine.clock.now(), level, object, message, fields);
        pending.lines.push(line);
    }

    /// Adds what a guest logged.
    pub(crate) fn guest_log(&self, object: &str, log: &sandbox::Log) {
        for line in &log.lines {
            let fields = line
                .fields
                .iter()
                .map(|(name, value)| (name.clone(), field(value)))
                .collect();
            let object = Some(object.to_owned());
            self.log_with(line.level, object, line.message.clone(), fields);
        }
        if log.truncated {
            let object = Some(object.to_owned());
            self.log(LogLevel::Warn, object, LOG_FULL);
        }
    }

    /// Begins a stage; the guard must be told how it ended.
    pub(crate) fn begin(&self, stage: Stage) -> StageInProgress<'_> {
        self.pending().stage = Some(stage);
        self.observer.event(Event::StageStarted(stage));
        StageInProgress {
            recorder: self,
            stage,
            started: self.engine.clock.elapsed(),
        }
    }

    /// Notes a build that is over, of which the observer was told meanwhile.
    pub(crate) async fn built(&self, build: &FinishedBuild) -> Result<(), store::Error> {
        self.pending().stage = Some(Stage::Build);
        for line in &build.output {
            self.note(LogLevel::Info, None, line.clone());
        }
        let status = match build.result {
            Ok(_) => StageStatus::Done,
            Err(_) => StageStatus::Failed,
        };
        self.stage_over(Stage::Build, status, build.took).await
    }

    /// Stores that a stage is over, and the lines that are not stored yet.
    async fn stage_over(
        &self,
        stage: Stage,
        status: StageStatus,
        duration: Duration,
    ) -> Result<(), store::Error> {
        let level = match status {
            StageStatus::Done => LogLevel::Info,
            StageStatus::Incomplete => LogLevel::Warn,
            StageStatus::Failed => LogLevel::Error,
        };
        let duration_ms = milliseconds(duration);
        self.note(
            level,
            None,
            format!("{stage} {status} after {duration_ms} ms"),
        );
        let record = StageRecord {
            stage,
            status,
            duration,
        };
        self.engine
            .store
            .stage_finished(self.deploy, record)
            .await?;
        self.flush().await
    }

    /// Stores the lines that are not stored yet.
    pub(crate) async fn flush(&self) -> Result<(), store::Error> {
        let lines = std::mem::take(&mut self.pending().lines);
        if !lines.is_empty() {
            self.engine.store.append_log(self.deploy, lines).await?;
        }
        Ok(())
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a field's JSON text; what is no JSON stays a text.
pub(crate) fn field(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// A stage that is under way.
#[must_use]
pub(crate) struct StageInProgress<'a> {
    recorder: &'a Recorder<'a>,
    stage: Stage,
    started: Duration,
}

impl StageInProgress<'_> {
    /// Ends the stage as the result says and passes the result on.
    pub(crate) async fn over<T, E: From<store::Error>>(self, result: Result<T, E>) -> Result<T, E> {
        let status = if result.is_ok() {
            StageStatus::Done
        } else {
            StageStatus::Failed
        };
        self.finish(status).await?;
        result
    }

    /// Ends the stage.
    pub(crate) async fn finish(self, status: StageStatus) -> Result<(), store::Error> {
        let clock = &self.recorder.engine.clock;
        let duration = clock.elapsed().saturating_sub(self.started);
        self.recorder
            .observer
            .event(Event::StageFinished(StageReport {
                name: self.stage,
                duration_ms: milliseconds(duration),
                status,
            }));
        self.recorder.stage_over(self.stage, status, duration).await
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
