//! One deploy: what it changed, its stages, its steps, its log.

use askama::Template;
use askama::filters::Safe;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use domain::{DeployNumber, DeployStatus};
use engine::DeployReport;
use serde::Deserialize;

use super::bar::{Bar, bar};
use super::deploys::took;
use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};
use super::log::{Log, LogFilter};
use super::parts::Tone;

#[derive(Deserialize)]
pub(super) struct Which {
    number: String,
}

#[derive(Template)]
#[template(path = "deploy.html")]
struct Deploy {
    frame: Frame,
    deploy: DeployReport,
    is_live: bool,
    log: Log,
}

impl Deploy {
    fn bar(&self) -> Safe<Bar> {
        bar(&self.deploy.stages)
    }

    fn took(&self) -> String {
        let end = self.deploy.finished_at.unwrap_or(self.frame.now);
        took(self.deploy.started_at, end, &self.deploy.stages)
    }

    /// Returns whether there is something to go back to.
    fn can_go_back(&self) -> bool {
        let was_live = match self.deploy.status {
            DeployStatus::Succeeded | DeployStatus::Incomplete => true,
            DeployStatus::Running
            | DeployStatus::Failed
            | DeployStatus::RolledBack
            | DeployStatus::Interrupted => false,
        };
        was_live && !self.is_live && self.deploy.artifact.is_some()
    }
}

/// Shows one deploy.
pub(super) async fn page(
    State(pages): State<Pages>,
    place: Place,
    Path(Which { number }): Path<Which>,
    Query(filter): Query<LogFilter>,
) -> Result<Html<String>, Failure> {
    let number: DeployNumber = number
        .parse()
        .map_err(|_| Failure::missing(format!("There is no deploy `{number}`.")))?;
    let (project, environment) = (&place.project, &place.environment);
    let deploy = pages.engine.deploy(project, environment, number).await?;
    let next = Some(DeployNumber(number.0.saturating_add(1)));
    let summary = pages
        .engine
        .deploys_before(project, environment, next, 1)
        .await?
        .pop();
    let lines = pages
        .engine
        .deploy_logs(project, environment, number)
        .await?;
    render(&Deploy {
        frame: pages.frame(&place, Section::Deploys).await?,
        deploy,
        is_live: summary.is_some_and(|it| it.deploy == number && it.live),
        log: Log::new(lines, &filter),
    })
}
