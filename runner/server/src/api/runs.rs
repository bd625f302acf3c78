//! Runs: of actions and workflows, started by app events, listed, replayed, cancelled.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::{EnvironmentName, ProjectName, RunId, RunStatus};
use engine::{ActionRun, LogReport, Replay, RunReport, RunSelection, WorkflowRun};
use serde::Deserialize;

use super::{Answer, At, List};
use crate::app::App;
use crate::extract::{Asked, Given, In, Part, cursor, next_cursor};
use crate::failure::Failure;
use crate::wire::{EventBody, InputBody, Items, ReplayBody, StartedRuns};

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const RESPOND_ASYNC: &str = "respond-async";

/// What is to run, in the path.
type Named = (ProjectName, EnvironmentName, String);

pub(super) fn routes() -> Router<App> {
    let at = "/projects/{project}/environments/{environment}";
    Router::new()
        .route(&format!("{at}/actions/{{name}}/runs"), post(run_action))
        .route(&format!("{at}/workflows/{{name}}/runs"), post(run_workflow))
        .route(&format!("{at}/events/{{name}}"), post(send_event))
        .route(&format!("{at}/runs"), get(list))
        .route("/runs/{run}", get(show))
        .route("/runs/{run}/logs", get(logs))
        .route("/runs/{run}/replays", post(replay))
        .route("/runs/{run}/cancel", post(cancel))
}

/// Returns whether a client does not want to wait for a run.
fn prefers_async(headers: &HeaderMap) -> bool {
    let texts = headers
        .get_all(PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok());
    texts
        .flat_map(|text| text.split(','))
        .any(|one| one.trim().eq_ignore_ascii_case(RESPOND_ASYNC))
}

/// Runs an action now and answers when it is over, however it ended; or queues it.
async fn run_action(
    State(app): State<App>,
    headers: HeaderMap,
    In((project, environment, action)): In<Named>,
    Given(body): Given<InputBody>,
) -> Result<Response, Failure> {
    let request = ActionRun {
        project,
        environment,
        action,
        input: body.input,
    };
    if prefers_async(&headers) {
        let run = app.detached(|owner| async move { owner.submit(request).await });
        return queued(&app, run.await?).await;
    }
    let run = app.detached(|owner| async move { owner.run(request).await });
    Ok(Json(run.await?).into_response())
}

/// Runs a workflow that requests start, in the same two ways.
async fn run_workflow(
    State(app): State<App>,
    headers: HeaderMap,
    In((project, environment, workflow)): In<Named>,
    Given(body): Given<InputBody>,
) -> Result<Response, Failure> {
    let request = WorkflowRun {
        project,
        environment,
        workflow,
        input: body.input,
    };
    if prefers_async(&headers) {
        let run = app.detached(|owner| async move { owner.submit_workflow(request).await });
        return queued(&app, run.await?).await;
    }
    let run = app.detached(|owner| async move { owner.run_workflow(request).await });
    Ok(Json(run.await?).into_response())
}

/// Answers with a run that waits for its turn, and where to look for its end.
async fn queued(app: &App, run: RunId) -> Result<Response, Failure> {
    let report = app.owner.run_report(run).await?;
    let mut response = (StatusCode::ACCEPTED, Json(report)).into_response();
    let headers = response.headers_mut();
    headers.insert(PREFERENCE_APPLIED, HeaderValue::from_static(RESPOND_ASYNC));
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/runs/{run}")) {
        headers.insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Sends an app event, and answers with the runs that it started.
async fn send_event(
    State(app): State<App>,
    In((project, environment, event)): In<Named>,
    Given(body): Given<EventBody>,
) -> Result<(StatusCode, Json<StartedRuns>), Failure> {
    let runs = app
        .detached(|owner| async move {
            owner
                .send_event(&project, &environment, &event, body.payload)
                .await
        })
        .await?;
    Ok((StatusCode::ACCEPTED, Json(StartedRuns { runs })))
}

/// Which runs are listed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    #[serde(default)]
    status: Option<RunStatus>,
    /// The name of what ran.
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    limit: Option<u32>,
    #[serde(default)]
    cursor: Option<String>,
}

async fn list(
    State(app): State<App>,
    In((project, environment)): In<At>,
    Asked(which): Asked<Which>,
) -> List<RunReport> {
    let limit = Part::limit(which.limit);
    let selection = RunSelection {
        status: which.status,
        object: which.object,
        before: cursor(which.cursor.as_deref())?,
        limit,
    };
    let items = app
        .owner
        .runs_matching(&project, &environment, selection)
        .await?;
    let next_cursor = next_cursor(&items, limit, |run| run.run.to_string());
    Ok(Json(Items { items, next_cursor }))
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
