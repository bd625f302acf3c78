//! What is live where: every project in every environment that it was deployed to.

use askama::Template;
use askama::filters::Safe;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use domain::{ProjectName, StepState};
use engine::StatusReport;
use serde::Deserialize;

use super::failure::{Failure, render};
use super::frame::{Frame, Pages};
use super::parts::{self, Tone};
use super::text;

#[derive(Deserialize)]
pub(super) struct Which {
    project: String,
}

#[derive(Template)]
#[template(path = "projects.html")]
struct Projects {
    frame: Frame,
    heading: String,
    places: Vec<StatusReport>,
}

impl Projects {
    fn owed(&self, place: &StatusReport) -> Safe<parts::State> {
        let owed = place.steps.len() + place.unconfigured.len() + place.reconfigure_due.len();
        let failed = place
            .steps
            .iter()
            .any(|step| step.state == StepState::Failed);
        let word = text::count(owed, "thing", "things");
        match owed {
            _ if !place.doubtful.is_empty() => parts::state(Tone::Wary, "in doubt"),
            0 => parts::state(Tone::Good, "nothing"),
            _ if failed => parts::state(Tone::Bad, word),
            _ => parts::state(Tone::Waiting, word),
        }
    }

    fn objects(&self, place: &StatusReport) -> u64 {
        place.objects.values().sum()
    }
}

/// Shows every project; where there is only one place, leads there.
pub(super) async fn all(State(pages): State<Pages>) -> Result<Response, Failure> {
    let mut places = Vec::new();
    for project in pages.engine.projects().await? {
        places.extend(pages.engine.status(&project, None).await?);
    }
    if let [only] = places.as_slice() {
        let path = format!(
            "/projects/{}/environments/{}",
            only.project, only.environment
        );
        return Ok(Redirect::to(&path).into_response());
    }
    let page = Projects {
        frame: Frame::outside(pages.now()),
        heading: "Projects".to_owned(),
        places,
    };
    Ok(render(&page)?.into_response())
}

/// Shows the environments of one project.
pub(super) async fn one(
    State(pages): State<Pages>,
    Path(Which { project }): Path<Which>,
) -> Result<Html<String>, Failure> {
    let project: ProjectName = project
        .parse()
        .map_err(|_| Failure::missing(format!("There is no project `{project}`.")))?;
    let places = pages.engine.status(&project, None).await?;
    render(&Projects {
        frame: Frame::outside(pages.now()),
        heading: project.to_string(),
        places,
    })
}
