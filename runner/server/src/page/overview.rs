//! What is live in a place, what is pending, what is wrong, and what happened last.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use domain::ObjectKind;
use engine::{ReadError, RunReport, StatusReport};

use super::deploys::{DeployRow, rows};
use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};
use super::parts::Tone;

/// How many deploys and runs are shown.
const SHOWN: u32 = 6;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    status: StatusReport,
    deploys: Vec<DeployRow>,
    runs: Vec<RunReport>,
}

/// The number of live objects of a kind.
struct Count {
    kind: &'static str,
    number: u64,
    word: String,
}

impl Overview {
    fn counts(&self) -> Vec<Count> {
        ObjectKind::ALL
            .into_iter()
            .filter_map(|kind| {
                let number = *self.status.objects.get(kind.as_str())?;
                let plural = if number == 1 { "" } else { "s" };
                Some(Count {
                    kind: kind.as_str(),
                    number,
                    word: format!("{kind}{plural}"),
                })
            })
            .filter(|count| count.number > 0)
            .collect()
    }

    fn is_quiet(&self) -> bool {
        let status = &self.status;
        status.steps.is_empty()
            && status.doubtful.is_empty()
            && status.unconfigured.is_empty()
            && status.reconfigure_due.is_empty()
            && status.notes.is_empty()
    }

    fn no_deploys(&self) -> &'static str {
        "There is no deploy yet."
    }

    fn no_runs(&self) -> &'static str {
        "Nothing ran here yet. An action runs from its page, or with a command."
    }
}

/// Shows the overview of a place.
pub(super) async fn page(
    State(pages): State<Pages>,
    place: Place,
) -> Result<Html<String>, Failure> {
    let engine = &pages.engine;
    let (project, environment) = (&place.project, &place.environment);
    let status = engine.status(project, Some(environment)).await?.pop();
    render(&Overview {
        frame: pages.frame(&place, Section::Overview).await?,
        status: status.ok_or_else(|| ReadError::EnvironmentUnknown(environment.clone()))?,
        deploys: rows(&pages, &place, None, SHOWN).await?,
        runs: engine.runs(project, environment, SHOWN).await?,
    })
}
