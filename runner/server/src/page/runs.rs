//! The runs of a place, newest first.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use domain::{ObjectKind, RunStatus};
use engine::{Disabled, RunReport};
use serde::Deserialize;

use super::choices::{Choice, choices, encoded};
use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};

/// How many are shown unless the address says otherwise, and at most.
const SHOWN: u32 = 50;
const MOST: u32 = 800;

/// Which runs the address asks for.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    status: Option<String>,
    object: Option<String>,
    limit: Option<u32>,
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
    let limit = filter.limit.unwrap_or(SHOWN).clamp(1, MOST);
    let status = filter.status.as_deref().and_then(RunStatus::from_name);
    let (project, environment) = (&place.project, &place.environment);
    let mut runs = pages.engine.runs(project, environment, limit).await?;
    let read = u32::try_from(runs.len()).unwrap_or(u32::MAX);
    runs.retain(|run| {
        status.is_none_or(|status| run.status == status)
            && filter.object.as_ref().is_none_or(|it| run.object == *it)
    });
    let object = filter.object.as_deref().map(encoded);
    let object = object.map_or(String::new(), |object| format!("object={object}"));
    let names = RunStatus::ALL.map(|status| (status.as_str(), status.to_string()));
    let query = query(status, &object);
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
        filter,
        runs,
        more: (read == limit && limit < MOST)
            .then(|| format!("?{query}limit={}", (limit * 2).min(MOST))),
    })
}

fn query(status: Option<RunStatus>, object: &str) -> String {
    let mut parts: Vec<String> = status
        .iter()
        .map(|status| format!("status={status}&"))
        .collect();
    if !object.is_empty() {
        parts.push(format!("{object}&"));
    }
    parts.concat()
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
