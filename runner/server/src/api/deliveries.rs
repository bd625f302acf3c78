//! Deliveries: listed, shown, handled again.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::{DeliveryId, RunStatus};
use engine::{DeliveryReport, DeliverySelection};
use serde::Deserialize;

use super::{Answer, At, List};
use crate::app::App;
use crate::extract::{Asked, In, Part, cursor, next_cursor};
use crate::failure::Failure;
use crate::wire::{Items, StartedRuns};

pub(super) fn routes() -> Router<App> {
    let at = "/projects/{project}/environments/{environment}/deliveries";
    Router::new()
        .route(at, get(list))
        .route("/deliveries/{delivery}", get(show))
        .route("/deliveries/{delivery}/replays", post(replay))
}

/// Which deliveries are listed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    #[serde(default)]
    webhook: Option<String>,
    #[serde(default)]
    status: Option<RunStatus>,
    #[serde(default)]
    limit: Option<u32>,
    #[serde(default)]
    cursor: Option<String>,
}

async fn list(
    State(app): State<App>,
    In((project, environment)): In<At>,
    Asked(which): Asked<Which>,
) -> List<DeliveryReport> {
    let limit = Part::limit(which.limit);
    let selection = DeliverySelection {
        webhook: which.webhook,
        status: which.status,
        before: cursor(which.cursor.as_deref())?,
        limit,
    };
    let items = app
        .owner
        .deliveries(&project, &environment, selection)
        .await?
        .deliveries;
    let next_cursor = next_cursor(&items, limit, |one| one.delivery.to_string());
    Ok(Json(Items { items, next_cursor }))
}

async fn show(State(app): State<App>, In(delivery): In<DeliveryId>) -> Answer<DeliveryReport> {
    Ok(Json(app.owner.delivery(delivery).await?))
}

/// Queues another run for a delivery.
async fn replay(
    State(app): State<App>,
    In(delivery): In<DeliveryId>,
) -> Result<(StatusCode, Json<StartedRuns>), Failure> {
    let run = app
        .detached(|owner| async move { owner.replay_delivery(delivery).await })
        .await?;
    Ok((StatusCode::ACCEPTED, Json(StartedRuns { runs: vec![run] })))
}
