//! Leases, what is due, and that something changed.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use engine::{LockReport, ReadError};
use serde_json::json;

use super::{Answer, At, List, observed};
use crate::app::App;
use crate::extract::In;
use crate::failure::Failure;
use crate::stream;
use crate::wire::{Addresses, Items, LockBroken};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/locks", get(locks))
        .route(
            "/projects/{project}/environments/{environment}/lock",
            delete(break_lock),
        )
        .route("/settle", post(settle))
        .route("/changes", get(changes))
        .route("/addresses", get(addresses))
}

/// Tells where the server listens.
async fn addresses(State(app): State<App>) -> Answer<Addresses> {
    let addresses = app.addresses.get().cloned();
    addresses.map(Json).ok_or_else(Failure::broken)
}

async fn locks(State(app): State<App>) -> List<LockReport> {
    Ok(Json(Items::all(app.owner.locks().await?)))
}

async fn break_lock(
    State(app): State<App>,
    In((project, environment)): In<At>,
) -> Answer<LockBroken> {
    let broken = app
        .detached(|owner| async move { owner.break_lock(&project, &environment).await })
        .await?;
    Ok(Json(LockBroken { broken }))
}

/// Does what is due, and answers when that was tried.
async fn settle(State(app): State<App>, headers: HeaderMap) -> Response {
    observed(&app, &headers, |owner, observer| async move {
        owner.settle_due(&observer).await.map_err(ReadError::from)?;
        Ok::<_, ReadError>(json!({}))
    })
    .await
}

/// Tells whenever something was stored.
async fn changes(State(app): State<App>) -> Response {
    stream::changes(&app)
}
