//! Projects and environments.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use domain::EnvironmentName;
use engine::{ChangeError, EnvironmentChange, EnvironmentReport, Force};
use serde::{Deserialize, Serialize};

use super::{Answer, List, observed};
use crate::app::App;
use crate::extract::{Asked, Given, In};
use crate::failure::Failure;
use crate::wire::{
    DeletedEnvironmentBody, EnvironmentBody, EnvironmentChangeBody, Items, UpdatedEnvironment,
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/projects", get(projects))
        .route("/environments", get(environments).post(create))
        .route(
            "/environments/{environment}",
            get(environment).patch(update).delete(delete),
        )
}

/// A project in a list.
#[derive(Debug, Serialize)]
struct Project {
    name: String,
}

async fn projects(State(app): State<App>) -> List<Project> {
    let names = app.owner.projects().await?;
    let projects = names.into_iter().map(|name| Project { name: name.into() });
    Ok(Json(Items::all(projects.collect())))
}

async fn environments(State(app): State<App>) -> List<EnvironmentReport> {
    Ok(Json(Items::all(app.owner.environments().await?)))
}

async fn environment(
    State(app): State<App>,
    In(name): In<EnvironmentName>,
) -> Answer<EnvironmentReport> {
    Ok(Json(app.owner.environment_report(&name).await?))
}

async fn create(
    State(app): State<App>,
    Given(body): Given<EnvironmentBody>,
) -> Result<(StatusCode, Json<EnvironmentReport>), Failure> {
    let made = app
        .detached(|owner| async move { owner.create_environment(body.name).await })
        .await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn update(
    State(app): State<App>,
    headers: HeaderMap,
    In(name): In<EnvironmentName>,
    Given(body): Given<EnvironmentChangeBody>,
) -> Result<Response, Failure> {
    let hosts = |texts: &[String]| EnvironmentChangeBody::hosts(texts).map_err(Failure::invalid);
    let change = EnvironmentChange {
        allow: hosts(&body.allow_hosts)?,
        disallow: hosts(&body.deny_hosts)?,
        public_url: body.public_url,
    };
    let updated = observed(&app, &headers, |owner, observer| async move {
        let updated = owner.update_environment(&name, change, &observer).await;
        updated.map(|(environment, reconfigures)| UpdatedEnvironment {
            environment,
            reconfigures,
        })
    });
    Ok(updated.await)
}

/// Whether something is done although it leaves something behind.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forced {
    #[serde(default)]
    force: bool,
}

impl From<Forced> for Force {
    fn from(forced: Forced) -> Self {
        if forced.force { Self::Yes } else { Self::No }
    }
}

async fn delete(
    State(app): State<App>,
    headers: HeaderMap,
    In(name): In<EnvironmentName>,
    Asked(forced): Asked<Forced>,
) -> Response {
    observed(&app, &headers, |owner, observer| async move {
        let deleted = owner
            .delete_environment(&name, forced.into(), &observer)
            .await?;
        Ok::<_, ChangeError>(DeletedEnvironmentBody {
            environment: deleted.environment,
            forgotten: deleted.forgotten,
        })
    })
    .await
}
