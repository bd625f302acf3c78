//! What is live: objects, and how things stand.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use domain::{EnvironmentName, ObjectKind, ProjectName};
use engine::{Disabled, ObjectReport, StatusReport};
use serde::Deserialize;

use super::{Answer, At, List};
use crate::app::App;
use crate::extract::{Asked, In};
use crate::wire::Items;

pub(super) fn routes() -> Router<App> {
    let at = "/projects/{project}/environments/{environment}";
    Router::new()
        .route("/projects/{project}/status", get(status_everywhere))
        .route(&format!("{at}/status"), get(status))
        .route(&format!("{at}/objects"), get(objects))
        .route(&format!("{at}/objects/{{kind}}/{{name}}"), get(object))
}

async fn status_everywhere(
    State(app): State<App>,
    In(project): In<ProjectName>,
) -> List<StatusReport> {
    let status = app.owner.status(&project, None).await?;
    Ok(Json(Items::all(status)))
}

async fn status(State(app): State<App>, In((project, environment)): In<At>) -> List<StatusReport> {
    let status = app.owner.status(&project, Some(&environment)).await?;
    Ok(Json(Items::all(status)))
}

/// Which objects are listed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    #[serde(default)]
    kind: Option<ObjectKind>,
    /// Those that are disabled too.
    #[serde(default)]
    disabled: bool,
}

async fn objects(
    State(app): State<App>,
    In((project, environment)): In<At>,
    Asked(which): Asked<Which>,
) -> List<ObjectReport> {
    let disabled = if which.disabled {
        Disabled::With
    } else {
        Disabled::Without
    };
    let objects = app
        .owner
        .objects(&project, &environment, which.kind, disabled)
        .await?;
    Ok(Json(Items::all(objects)))
}

async fn object(
    State(app): State<App>,
    In((project, environment, kind, name)): In<(ProjectName, EnvironmentName, ObjectKind, String)>,
) -> Answer<ObjectReport> {
    let object = app
        .owner
        .object(&project, &environment, kind, &name)
        .await?;
    Ok(Json(object))
}
