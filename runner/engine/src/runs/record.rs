//! What is recorded of an attempt.

use std::time::Duration;

use domain::{LogLevel, RunOutcome, Secret, Timestamp};
use sandbox::{Failure, Output, Report};
use store::{RunLogLine, RunRequest, RunUsage};

use crate::code::Code;
use crate::code::Coded as _;
use crate::error::RunError;
use crate::ingress::redacted;
use crate::recorder::{LOG_FULL, field};

/// What a guest made of an attempt, or why there was no guest.
pub(super) struct Record {
    pub(super) outcome: RunOutcome,
    pub(super) output: Option<String>,
    pub(super) response: Option<sandbox::Response>,
    pub(super) error: Option<store::RunError>,
    pub(super) logs: Vec<RunLogLine>,
    pub(super) requests: Vec<RunRequest>,
    pub(super) usage: RunUsage,
    pub(super) duration: Duration,
    pub(super) kv_writes: Vec<store::KvWrite>,
}

impl Record {
    fn empty(outcome: RunOutcome) -> Self {
        Self {
            outcome,
            output: None,
            response: None,
            error: None,
            logs: Vec::new(),
            requests: Vec::new(),
            usage: RunUsage::default(),
            duration: Duration::ZERO,
            kv_writes: Vec::new(),
        }
    }

    /// Records a call that came to its end.
    pub(super) fn of(report: Report, now: Timestamp) -> Self {
        let wall = i64::try_from(report.usage.wall.as_millis()).unwrap_or(i64::MAX);
        let started = now.as_millis().saturating_sub(wall);
        let logs = run_log(&report, started);
        let (outcome, output, response, error) = match report.outcome {
            Ok(Output::Run(output)) => (RunOutcome::Succeeded, Some(output), None, None),
            Ok(Output::Received { output, response }) => {
                (RunOutcome::Succeeded, Some(output), response, None)
            }
            Ok(_) => {
                let message = "it gave the answer of another operation".to_owned();
                let (outcome, error) = failed(&Failure::BadContract { message });
                (outcome, None, None, Some(error))
            }
            Err(failure) => {
                let (outcome, error) = failed(&failure);
                (outcome, None, None, Some(error))
            }
        };
        Self {
            output,
            response,
            error,
            logs,
            requests: report.requests.iter().map(stored_request).collect(),
            usage: RunUsage {
                cpu: report.usage.cpu,
                peak_memory: report.usage.peak_memory_bytes,
            },
            duration: report.usage.wall,
            kv_writes: crate::kv::writes(&report.kv_writes),
            ..Self::empty(outcome)
        }
    }

    /// Takes secrets out of the answer to a provider, as they are out of all else already.
    pub(super) fn without(self, secrets: &[Secret]) -> Self {
        Self {
            response: self.response.map(|response| redacted(response, secrets)),
            ..self
        }
    }

    /// Records a call that somebody stopped: its requests are known, its log is not.
    pub(super) fn cancelled(requests: &sandbox::RequestLog, duration: Duration) -> Self {
        Self {
            requests: requests.records().iter().map(stored_request).collect(),
            duration,
            ..Self::empty(RunOutcome::Cancelled)
        }
    }

    /// Records that no guest could be called; that may be mended, by a value
    /// that is set or a deploy.
    pub(super) fn uncalled(error: &RunError) -> Self {
        Self {
            error: Some(store::RunError {
                code: error.code().as_str().to_owned(),
                message: error.to_string(),
                retryable: true,
            }),
            ..Self::empty(RunOutcome::Failed {
                retryable: true,
                retry_after: None,
            })
        }
    }
}

/// Says how a failure ends an attempt.
///
/// Only the guest's own word is final: what crashed or went past a limit may
/// do better next time, if only because somebody deploys what mends it.
fn failed(failure: &Failure) -> (RunOutcome, store::RunError) {
    let (code, retryable, retry_after) = match failure {
        Failure::Guest {
            retryable,
            retry_after,
            ..
        } => (Code::RunFailed, *retryable, *retry_after),
        Failure::Trap(_) | Failure::BadContract { .. } => (Code::RunTrapped, true, None),
        Failure::Limit { .. } => (Code::LimitExceeded, true, None),
        Failure::Host { .. } => (Code::SandboxFailed, true, None),
    };
    let error = store::RunError {
        code: code.as_str().to_owned(),
        message: failure.to_string(),
        retryable,
    };
    let outcome = RunOutcome::Failed {
        retryable,
        retry_after,
    };
    (outcome, error)
}

/// Turns what a guest logged into what is stored; a full log ends with a remark of the host.
fn run_log(report: &Report, started: i64) -> Vec<RunLogLine> {
    let at = |since: Duration| {
        let since = i64::try_from(since.as_millis()).unwrap_or(0);
        Timestamp::from_millis(started.saturating_add(since))
    };
    let mut lines: Vec<RunLogLine> = report
        .log
        .lines
        .iter()
        .map(|line| RunLogLine {
            at: at(line.at),
            level: line.level,
            message: line.message.clone(),
            fields: line
                .fields
                .iter()
                .map(|(name, value)| (name.clone(), field(value)))
                .collect(),
        })
        .collect();
    if report.log.truncated {
        lines.push(RunLogLine {
            at: at(report.usage.wall),
            level: LogLevel::Warn,
            message: LOG_FULL.to_owned(),
            fields: serde_json::Map::new(),
        });
    }
    lines
}

fn stored_request(record: &sandbox::RequestRecord) -> RunRequest {
    RunRequest {
        method: record.method.clone(),
        host: record.origin.clone(),
        status: record.status,
        duration: record.duration,
        error: record.error.clone(),
    }
}
