//! The deploys of a place, newest first.

use askama::Template;
use askama::filters::Safe;
use axum::extract::{Query, State};
use axum::response::Html;
use domain::{DeployStatus, Timestamp};
use engine::{DeploySummary, ReadError, StageReport};
use serde::Deserialize;

use super::bar::{Bar, bar};
use super::choices::{Choice, choices};
use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};
use super::text;

/// How many are shown unless the address says otherwise, and at most.
const SHOWN: u32 = 25;
const MOST: u32 = 500;

/// Which deploys the address asks for.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    status: Option<String>,
    limit: Option<u32>,
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

/// Reads the newest deploys with their stages.
pub(super) async fn rows(
    pages: &Pages,
    place: &Place,
    limit: u32,
) -> Result<Vec<DeployRow>, ReadError> {
    let (project, environment) = (&place.project, &place.environment);
    let mut rows = Vec::new();
    for deploy in pages.engine.deploys(project, environment, limit).await? {
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
    deploys: Vec<DeployRow>,
    more: Option<String>,
}

/// Shows the deploys of a place.
pub(super) async fn page(
    State(pages): State<Pages>,
    place: Place,
    Query(filter): Query<Filter>,
) -> Result<Html<String>, Failure> {
    let limit = filter.limit.unwrap_or(SHOWN).clamp(1, MOST);
    let chosen = filter.status.as_deref().and_then(DeployStatus::from_name);
    let mut deploys = rows(&pages, &place, limit).await?;
    let read = u32::try_from(deploys.len()).unwrap_or(u32::MAX);
    deploys.retain(|row| chosen.is_none_or(|status| row.deploy.status == status));
    let names = DeployStatus::ALL.map(|status| (status.as_str(), status.to_string()));
    let chosen = chosen.map(DeployStatus::as_str);
    let status = chosen.map_or(String::new(), |status| format!("status={status}&"));
    render(&Deploys {
        frame: pages.frame(&place, Section::Deploys).await?,
        choices: choices("all", "status", names, chosen, ""),
        deploys,
        more: (read == limit && limit < MOST)
            .then(|| format!("?{status}limit={}", (limit * 2).min(MOST))),
    })
}
