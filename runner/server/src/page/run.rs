//! One run: what went in, what came out, what it said and asked for.

use askama::Template;
use askama::filters::Safe;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use domain::{RunId, RunStatus, Timestamp};
use engine::{ReadError, RunReport};
use serde::Deserialize;
use serde_json::Value;

use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};
use super::log::{Log, LogFilter};
use super::parts::Tone;
use super::text;

/// How much of an input or output is shown unless all of it is asked for.
const SHOWN: usize = 64 * 1024;

#[derive(Deserialize)]
pub(super) struct Which {
    run: String,
}

/// What of the payloads the address asks for.
#[derive(Deserialize)]
pub(super) struct Whole {
    whole: Option<String>,
}

/// An input or output.
#[derive(Template)]
#[template(path = "parts/payload.html")]
struct Payload {
    label: &'static str,
    text: String,
    /// The size of all of it, where this is only the beginning.
    cut_of: Option<String>,
}

impl Payload {
    fn new(label: &'static str, value: &Value, whole: bool) -> Safe<Self> {
        let mut text = text::json(value);
        let size = text.len();
        let cut = size > SHOWN && !whole;
        if cut {
            text.truncate(text.floor_char_boundary(SHOWN));
        }
        Safe(Self {
            label,
            text,
            cut_of: cut.then(|| text::bytes(u64::try_from(size).unwrap_or(u64::MAX))),
        })
    }
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
    let whole = whole.whole.is_some();
    render(&Run {
        frame: pages.frame(&place, Section::Runs).await?,
        input: Payload::new("Input", &run.input, whole),
        output: run
            .output
            .as_ref()
            .map(|output| Payload::new("Output", output, whole)),
        run,
        log: Log::new(lines, &filter),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Payload, SHOWN};

    #[test]
    fn a_large_payload_is_cut_until_all_of_it_is_asked_for() {
        let large = json!("é".repeat(SHOWN));
        let cut = Payload::new("Output", &large, false).0;
        assert!(cut.text.len() <= SHOWN && cut.cut_of.is_some());
        let whole = Payload::new("Output", &large, true).0;
        assert!(whole.text.len() > 2 * SHOWN && whole.cut_of.is_none());
    }
}
