//! The runs of a place, newest first.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use domain::{ObjectKind, RunId, RunStatus};
use engine::{Disabled, ReadError, RunReport, RunSelection};
use serde::Deserialize;

use super::choices::{Choice, choices, encoded};
use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};

/// How many are shown at once.
const SHOWN: u32 = 50;

/// Which runs the address asks for.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    status: Option<String>,
    object: Option<String>,
    before: Option<RunId>,
}

#[derive(Template)]
#[template(path = "runs.html")]
struct Runs {
    frame: Frame,
    filter: Filter,
    choices: Vec<Choice>,
    objects: Vec<String>,
    runs: Vec<RunReport>,
    more: Option<String>,
}

impl Runs {
    fn no_runs(&self) -> &'static str {
        if self.filter.status.is_some() || self.filter.object.is_some() {
            "No run is like that."
        } else {
            "Nothing ran here yet. An action runs from its page, or with a command."
        }
    }
}

/// Shows the runs of a place.
pub(super) async fn page(
    State(pages): State<Pages>,
    place: Place,
    Query(mut filter): Query<Filter>,
) -> Result<Html<String>, Failure> {
    filter.object = filter.object.filter(|object| !object.is_empty());
    let status = filter.status.as_deref().and_then(RunStatus::from_name);
    let mut runs = read(&pages, &place, &filter, status).await?;
    let last = runs.last().map(|run| run.run);
    let full = runs.len() >= SHOWN as usize;
    // Objects of two kinds may have the same name.
    runs.retain(|run| filter.object.as_ref().is_none_or(|it| run.object == *it));
    let object = filter.object.as_deref().map(encoded);
    let object = object.map_or(String::new(), |object| format!("object={object}"));
    let names = RunStatus::ALL.map(|status| (status.as_str(), status.to_string()));
    render(&Runs {
        frame: pages.frame(&place, Section::Runs).await?,
        choices: choices(
            "all",
            "status",
            names,
            status.map(RunStatus::as_str),
            &object,
        ),
        objects: runnable(&pages, &place).await?,
        more: last
            .filter(|_| full)
            .map(|last| older(status, &object, last)),
        filter,
        runs,
    })
}

async fn read(
    pages: &Pages,
    place: &Place,
    filter: &Filter,
    status: Option<RunStatus>,
) -> Result<Vec<RunReport>, ReadError> {
    let name = filter
        .object
        .as_ref()
        .map(|object| match object.rsplit_once(' ') {
            Some((_, name)) => name.to_owned(),
            None => object.clone(),
        });
    let selection = RunSelection {
        status,
        object: name,
        before: filter.before,
        limit: SHOWN,
    };
    pages
        .engine
        .runs_matching(&place.project, &place.environment, selection)
        .await
}

/// Returns where the runs before this one are.
fn older(status: Option<RunStatus>, object: &str, last: RunId) -> String {
    let mut parts: Vec<String> = status
        .iter()
        .map(|status| format!("status={status}"))
        .collect();
    if !object.is_empty() {
        parts.push(object.to_owned());
    }
    parts.push(format!("before={last}"));
    format!("?{}", parts.join("&"))
}

/// Returns the objects that have, or had, runs, as `kind name`.
async fn runnable(pages: &Pages, place: &Place) -> Result<Vec<String>, Failure> {
    let (project, environment) = (&place.project, &place.environment);
    let objects = pages
        .engine
        .objects(project, environment, None, Disabled::With)
        .await?;
    Ok(objects
        .into_iter()
        .filter(|object| match object.kind {
            ObjectKind::Action | ObjectKind::Webhook | ObjectKind::Workflow => true,
            ObjectKind::Integration | ObjectKind::AppEvent => false,
        })
        .map(|object| format!("{} {}", object.kind, object.name))
        .collect())
}
