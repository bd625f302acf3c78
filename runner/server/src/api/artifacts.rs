//! Artifacts: uploaded under their digest, listed, removed when nothing needs them.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use domain::ArtifactDigest;
use engine::{ArtifactReport, GarbageMode, MAX_UPLOAD};

use super::List;
use crate::app::App;
use crate::extract::{Given, In, body_failure};
use crate::failure::Failure;
use crate::wire::{ArtifactGarbage, Items};

pub(super) fn routes() -> Router<App> {
    let most = usize::try_from(MAX_UPLOAD).unwrap_or(usize::MAX);
    Router::new()
        .route("/artifacts", get(list))
        .route("/artifacts/gc", post(gc))
        .route(
            "/artifacts/{digest}",
            put(upload).head(there).layer(DefaultBodyLimit::max(most)),
        )
}

async fn list(State(app): State<App>) -> List<ArtifactReport> {
    Ok(Json(Items::all(app.owner.artifacts().await?)))
}

/// Says whether an artifact is stored, and sound.
async fn there(State(app): State<App>, In(digest): In<ArtifactDigest>) -> StatusCode {
    match app.owner.artifact_file(digest).await {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::NOT_FOUND,
    }
}

async fn upload(
    State(app): State<App>,
    In(digest): In<ArtifactDigest>,
    request: Request,
) -> Result<(StatusCode, Json<ArtifactReport>), Failure> {
    // The semaphore is never closed; without a permit nothing is held in memory.
    let permit = std::sync::Arc::clone(&app.uploads).acquire_owned().await;
    let bytes: Result<Bytes, BytesRejection> = Bytes::from_request(request, &()).await;
    let bytes = bytes.map_err(|rejection| body_failure(&rejection))?;
    let stored = app
        .detached(|owner| async move {
            let stored = owner.store_upload(digest, bytes.into()).await;
            drop(permit);
            stored
        })
        .await?;
    Ok((StatusCode::CREATED, Json(stored)))
}

async fn gc(State(app): State<App>, Given(body): Given<ArtifactGarbage>) -> List<ArtifactReport> {
    let mode = if body.dry_run {
        GarbageMode::DryRun
    } else {
        GarbageMode::Remove
    };
    let artifacts = app
        .detached(|owner| async move { owner.gc(mode).await })
        .await?;
    Ok(Json(Items::all(artifacts)))
}
