//! One run: what went in, what came out, what it said and asked for.

use askama::Template;
use askama::filters::Safe;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use domain::{RunId, RunStatus, Timestamp};
use engine::{ReadError, RunReport};
use serde::Deserialize;

use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};
use super::log::{Log, LogFilter};
use super::parts::Tone;
use super::payload::{Payload, Whole};

#[derive(Deserialize)]
pub(super) struct Which {
    run: String,
}

#[derive(Template)]
#[template(path = "run.html")]
struct Run {
    frame: Frame,
    run: RunReport,
    input: Safe<Payload>,
    output: Option<Safe<Payload>>,
    log: Log,
}

impl Run {
    fn object_path(&self) -> Option<String> {
        let (kind, name) = self.run.object.split_once(' ')?;
        Some(format!("{}/objects/{kind}/{name}", self.frame.base()))
    }

    fn began(&self) -> &Timestamp {
        self.run.started_at.as_ref().unwrap_or(&self.run.queued_at)
    }

    fn can_cancel(&self) -> bool {
        match self.run.status {
            RunStatus::Queued
            | RunStatus::Running
            | RunStatus::Retrying
            | RunStatus::Interrupted => true,
            RunStatus::Succeeded | RunStatus::Failed | RunStatus::Dead | RunStatus::Cancelled => {
                false
            }
        }
    }
}

/// Shows one run.
pub(super) async fn page(
    State(pages): State<Pages>,
    place: Place,
    Path(Which { run }): Path<Which>,
    Query(filter): Query<LogFilter>,
    Query(whole): Query<Whole>,
) -> Result<Html<String>, Failure> {
    let id: RunId = run
        .parse()
        .map_err(|_| Failure::missing(format!("There is no run `{run}`.")))?;
    let run = pages.engine.run_report(id).await?;
    if run.project != place.project.as_str() || run.environment != place.environment.as_str() {
        return Err(ReadError::RunUnknown(id).into());
    }
    let lines = pages.engine.run_logs(id).await?;
    render(&Run {
        frame: pages.frame(&place, Section::Runs).await?,
        input: Payload::json("Input", &run.input, &whole),
        output: run
            .output
            .as_ref()
            .map(|output| Payload::json("Output", output, &whole)),
        run,
        log: Log::new(lines, &filter),
    })
}
