//! Events, as the documents that the command line streams and the API sends.

use domain::{DeployNumber, Stage};
use engine::{Event, LogReport, StageReport, StepReport};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Problem;

/// The version of every document's shape.
pub const VERSION: u32 = 1;

/// One event of a deploy, or of what else goes on for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDocument {
    /// The version of its shape.
    pub version: u32,
    #[serde(flatten)]
    body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Body {
    DeployBegan {
        deploy: DeployNumber,
        project: String,
        environment: String,
    },
    StageStarted {
        name: Stage,
    },
    StageFinished(StageReport),
    BuildLine {
        line: String,
    },
    Log(LogReport),
    Step(StepReport),
    Waiting {
        reason: String,
    },
}

impl From<Event> for EventDocument {
    fn from(event: Event) -> Self {
        let body = match event {
            Event::Began {
                deploy,
                project,
                environment,
            } => Body::DeployBegan {
                deploy,
                project,
                environment,
            },
            Event::StageStarted(name) => Body::StageStarted { name },
            Event::StageFinished(stage) => Body::StageFinished(stage),
            Event::BuildLine(line) => Body::BuildLine { line },
            Event::Log(line) => Body::Log(line),
            Event::Step(step) => Body::Step(step),
            Event::Waiting(reason) => Body::Waiting { reason },
        };
        Self {
            version: VERSION,
            body,
        }
    }
}

impl From<EventDocument> for Event {
    fn from(document: EventDocument) -> Self {
        match document.body {
            Body::DeployBegan {
                deploy,
                project,
                environment,
            } => Self::Began {
                deploy,
                project,
                environment,
            },
            Body::StageStarted { name } => Self::StageStarted(name),
            Body::StageFinished(stage) => Self::StageFinished(stage),
            Body::BuildLine { line } => Self::BuildLine(line),
            Body::Log(line) => Self::Log(line),
            Body::Step(step) => Self::Step(step),
            Body::Waiting { reason } => Self::Waiting(reason),
        }
    }
}

/// The last document of a stream: what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneDocument {
    kind: Done,
    /// The version of its shape.
    pub version: u32,
    /// The report, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Done {
    Done,
}

impl DoneDocument {
    /// The name of the event that carries it.
    pub const EVENT: &'static str = "done";

    /// Makes the document of what came of something.
    #[must_use]
    pub fn new(outcome: Result<Value, Box<Problem>>) -> Self {
        let (result, problem) = match outcome {
            Ok(result) => (Some(result), None),
            Err(problem) => (None, Some(*problem)),
        };
        Self {
            kind: Done::Done,
            version: VERSION,
            result,
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{DeployNumber, LogLevel, Stage, StageStatus, Timestamp};
    use engine::{Code, Event, LogReport, StageReport};
    use serde_json::json;

    use super::{DoneDocument, EventDocument};
    use crate::wire::Problem;

    fn check(event: &Event, document: &serde_json::Value) {
        let written = serde_json::to_value(EventDocument::from(event.clone())).unwrap();
        assert_eq!(written, *document);
        let read: EventDocument = serde_json::from_value(written).unwrap();
        assert_eq!(format!("{:?}", Event::from(read)), format!("{event:?}"));
    }

    #[test]
    fn an_event_is_one_document_and_comes_back_as_it_was() {
        check(
            &Event::Began {
                deploy: DeployNumber(3),
                project: "shop".to_owned(),
                environment: "production".to_owned(),
            },
            &json!({"kind": "deploy_began", "version": 1, "deploy": 3, "project": "shop", "environment": "production"}),
        );
        check(
            &Event::StageFinished(StageReport {
                name: Stage::Plan,
                duration_ms: 7,
                status: StageStatus::Done,
            }),
            &json!({"kind": "stage_finished", "version": 1, "name": "plan", "duration_ms": 7, "status": "done"}),
        );
        check(
            &Event::Log(LogReport {
                sequence: 1,
                time: Timestamp::from_millis(1_700_000_000_000),
                level: LogLevel::Warn,
                stage: None,
                object: Some("action greet".to_owned()),
                message: "odd".to_owned(),
                fields: json!({"size": 7}),
            }),
            &json!({"kind": "log", "version": 1, "sequence": 1, "time": "2023-11-14T22:13:20.000Z",
                "level": "warn", "object": "action greet", "message": "odd", "fields": {"size": 7}}),
        );
        check(
            &Event::Waiting("for the lease".to_owned()),
            &json!({"kind": "waiting", "version": 1, "reason": "for the lease"}),
        );
    }

    #[test]
    fn the_last_document_holds_a_report_or_a_problem() {
        let done = |outcome| serde_json::to_value(DoneDocument::new(outcome)).unwrap();
        assert_eq!(
            done(Ok(json!({"deploy": 1}))),
            json!({"kind": "done", "version": 1, "result": {"deploy": 1}})
        );
        let failed = done(Err(Box::new(Problem::new(Code::PlanStale, "it changed"))));
        assert_eq!(failed["problem"]["code"], "plan-stale");
        assert_eq!(failed.get("result"), None);
    }
}
