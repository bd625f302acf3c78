//! The deploys of a place, newest first.

use askama::Template;
use askama::filters::Safe;
use axum::extract::{Query, State};
use axum::response::Html;
use domain::{DeployNumber, DeployStatus, Timestamp};
use engine::{DeploySummary, ReadError, StageReport};
use serde::Deserialize;

use super::bar::{Bar, bar};
use super::choices::{Choice, choices};
use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};
use super::text;

/// How many are shown at once.
const SHOWN: u32 = 25;

/// Which deploys the address asks for.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    status: Option<String>,
    before: Option<DeployNumber>,
}

/// A deploy in a list, with its stages.
pub(super) struct DeployRow {
    pub(super) deploy: DeploySummary,
    pub(super) stages: Vec<StageReport>,
}

impl DeployRow {
    pub(super) fn bar(&self) -> Safe<Bar> {
        bar(&self.stages)
    }

    /// Returns how long it took, or has taken.
    pub(super) fn took(&self, now: &Timestamp) -> String {
        let end = self.deploy.finished_at.unwrap_or(*now);
        took(self.deploy.started_at, end, &self.stages)
    }
}

/// Writes how long a deploy took: by its stages where they took longer than its
/// row, which begins when the build is over.
pub(super) fn took(began: Timestamp, ended: Timestamp, stages: &[StageReport]) -> String {
    let row = u64::try_from(ended.since(began).as_millis()).unwrap_or(u64::MAX);
    let stages = stages.iter().map(|stage| stage.duration_ms).sum();
    text::duration(row.max(stages))
}

/// Reads the newest deploys, or the newest before one, with their stages.
pub(super) async fn rows(
    pages: &Pages,
    place: &Place,
    before: Option<DeployNumber>,
    limit: u32,
) -> Result<Vec<DeployRow>, ReadError> {
    let (project, environment) = (&place.project, &place.environment);
    let mut rows = Vec::new();
    let deploys = pages
        .engine
        .deploys_before(project, environment, before, limit)
        .await?;
    for deploy in deploys {
        let report = pages.engine.deploy(project, environment, deploy.deploy);
        rows.push(DeployRow {
            stages: report.await?.stages,
            deploy,
        });
    }
    Ok(rows)
}

#[derive(Template)]
#[template(path = "deploys.html")]
struct Deploys {
    frame: Frame,
    choices: Vec<Choice>,
    is_filtered: bool,
    deploys: Vec<DeployRow>,
    more: Option<String>,
}

impl Deploys {
    fn no_deploys(&self) -> &'static str {
        if self.is_filtered {
            "No deploy of these is like that."
        } else {
            "There is no deploy yet."
        }
    }
}

/// Shows the deploys of a place.
pub(super) async fn page(
    State(pages): State<Pages>,
    place: Place,
    Query(filter): Query<Filter>,
) -> Result<Html<String>, Failure> {
    let chosen = filter.status.as_deref().and_then(DeployStatus::from_name);
    let mut deploys = rows(&pages, &place, filter.before, SHOWN).await?;
    let last = deploys.last().map(|row| row.deploy.deploy);
    let full = deploys.len() >= SHOWN as usize;
    deploys.retain(|row| chosen.is_none_or(|status| row.deploy.status == status));
    let names = DeployStatus::ALL.map(|status| (status.as_str(), status.to_string()));
    let chosen = chosen.map(DeployStatus::as_str);
    let status = chosen.map_or(String::new(), |status| format!("status={status}&"));
    render(&Deploys {
        frame: pages.frame(&place, Section::Deploys).await?,
        choices: choices("all", "status", names, chosen, ""),
        is_filtered: chosen.is_some() || filter.before.is_some(),
        deploys,
        more: last
            .filter(|_| full)
            .map(|last| format!("?{status}before={last}")),
    })
}
