//! Subscriptions: what webhooks have at third parties.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::{EnvironmentName, ProjectName, RegistrationId};
use engine::{PlaceRequest, RegistrationReport, Selector};

use super::{Answer, At, List};
use crate::app::App;
use crate::extract::{Given, In};
use crate::failure::Failure;
use crate::wire::{Items, SelectorBody};

pub(super) fn routes() -> Router<App> {
    let at = "/projects/{project}/environments/{environment}/subscriptions";
    Router::new()
        .route(at, get(list))
        .route(&format!("{at}/{{registration}}"), get(show))
        .route(&format!("{at}/retry"), post(retry))
        .route(&format!("{at}/resubscribe"), post(resubscribe))
        .route(&format!("{at}/forget"), post(forget))
}

async fn list(
    State(app): State<App>,
    In((project, environment)): In<At>,
) -> List<RegistrationReport> {
    let registrations = app.owner.registrations(&project, &environment).await?;
    Ok(Json(Items::all(registrations)))
}

async fn show(
    State(app): State<App>,
    In((project, environment, id)): In<(ProjectName, EnvironmentName, RegistrationId)>,
) -> Answer<RegistrationReport> {
    let registration = app.owner.registration(&project, &environment, id).await?;
    Ok(Json(registration))
}

fn read(at: At, body: SelectorBody) -> Result<(PlaceRequest, Selector), Failure> {
    let (project, environment) = at;
    let at = PlaceRequest {
        project,
        environment,
    };
    Ok((at, body.selector().map_err(Failure::invalid)?))
}

async fn retry(
    State(app): State<App>,
    In(at): In<At>,
    Given(body): Given<SelectorBody>,
) -> List<RegistrationReport> {
    let (at, selector) = read(at, body)?;
    let changed = app.detached(|owner| async move { owner.retry(&at, &selector).await });
    Ok(Json(Items::all(changed.await?)))
}

async fn resubscribe(
    State(app): State<App>,
    In(at): In<At>,
    Given(body): Given<SelectorBody>,
) -> List<RegistrationReport> {
    let (at, selector) = read(at, body)?;
    let changed = app.detached(|owner| async move { owner.resubscribe(&at, &selector).await });
    Ok(Json(Items::all(changed.await?)))
}

async fn forget(
    State(app): State<App>,
    In(at): In<At>,
    Given(body): Given<SelectorBody>,
) -> List<RegistrationReport> {
    let (at, selector) = read(at, body)?;
    let changed = app.detached(|owner| async move { owner.forget(&at, &selector).await });
    Ok(Json(Items::all(changed.await?)))
}
