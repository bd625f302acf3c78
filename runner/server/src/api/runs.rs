//! Runs: of actions, listed, replayed, cancelled.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::{EnvironmentName, ProjectName, RunId};
use engine::{ActionRun, LogReport, Replay, RunReport};

use super::{Answer, At, List};
use crate::app::App;
use crate::extract::{Asked, Given, In, Part};
use crate::wire::{InputBody, Items, ReplayBody};

pub(super) fn routes() -> Router<App> {
    let at = "/projects/{project}/environments/{environment}";
    Router::new()
        .route(&format!("{at}/actions/{{name}}/runs"), post(run))
        .route(&format!("{at}/runs"), get(list))
        .route("/runs/{run}", get(show))
        .route("/runs/{run}/logs", get(logs))
        .route("/runs/{run}/replays", post(replay))
        .route("/runs/{run}/cancel", post(cancel))
}

/// Runs an action now, and answers when it is over, however it ended.
async fn run(
    State(app): State<App>,
    In((project, environment, action)): In<(ProjectName, EnvironmentName, String)>,
    Given(body): Given<InputBody>,
) -> Answer<RunReport> {
    let request = ActionRun {
        project,
        environment,
        action,
        input: body.input,
    };
    let run = app.detached(|owner| async move { owner.run(request).await });
    Ok(Json(run.await?))
}

async fn list(
    State(app): State<App>,
    In((project, environment)): In<At>,
    Asked(part): Asked<Part>,
) -> List<RunReport> {
    let (limit, _) = part.read::<RunId>()?;
    let runs = app.owner.runs(&project, &environment, limit).await?;
    Ok(Json(Items::all(runs)))
}

async fn show(State(app): State<App>, In(run): In<RunId>) -> Answer<RunReport> {
    Ok(Json(app.owner.run_report(run).await?))
}

async fn logs(State(app): State<App>, In(run): In<RunId>) -> List<LogReport> {
    Ok(Json(Items::all(app.owner.run_logs(run).await?)))
}

async fn replay(
    State(app): State<App>,
    In(run): In<RunId>,
    Given(body): Given<ReplayBody>,
) -> Answer<RunReport> {
    let on = if body.original {
        Replay::Original
    } else {
        Replay::Current
    };
    let replayed = app.detached(|owner| async move { owner.replay(run, on).await });
    Ok(Json(replayed.await?))
}

async fn cancel(State(app): State<App>, In(run): In<RunId>) -> Answer<RunReport> {
    let cancelled = app.detached(|owner| async move { owner.cancel(run).await });
    Ok(Json(cancelled.await?))
}
