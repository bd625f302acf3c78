//! The API: a handler takes a request apart, makes one call of the engine, and answers.

mod artifacts;
mod deliveries;
mod deploys;
mod environments;
mod objects;
mod runs;
mod subscriptions;
mod upkeep;
mod values;

pub use values::value_path;

use axum::Json;
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::{EnvironmentName, ProjectName};
use engine::Code;
use serde::Serialize;

use crate::app::App;
use crate::failure::Failure;
use crate::feed::FeedObserver;
use crate::stream;
use crate::wire::{DoneDocument, Items, Problem};

/// What a handler answers with.
type Answer<T> = Result<Json<T>, Failure>;
/// A list as an answer.
type List<T> = Answer<Items<T>>;

/// Where a project lives, in the path.
type At = (ProjectName, EnvironmentName);

/// Returns the routes of the API.
pub(crate) fn routes() -> Router<App> {
    let version_1 = Router::new()
        .merge(artifacts::routes())
        .merge(deliveries::routes())
        .merge(deploys::routes())
        .merge(environments::routes())
        .merge(objects::routes())
        .merge(runs::routes())
        .merge(subscriptions::routes())
        .merge(upkeep::routes())
        .merge(values::routes())
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed);
    Router::new().nest("/api/v1", version_1)
}

async fn unknown() -> Failure {
    Problem::new(Code::PathUnknown, "there is nothing under this path").into()
}

async fn not_allowed() -> Response {
    let problem = Problem {
        status: StatusCode::METHOD_NOT_ALLOWED.as_u16(),
        ..Problem::new(
            Code::PathUnknown,
            "there is nothing under this path for this method",
        )
    };
    Failure::from(problem).into_response()
}

/// Does something that tells how it goes: as events to those that ask for them,
/// else with one answer at its end.
async fn observed<T, E, F>(
    app: &App,
    headers: &HeaderMap,
    work: impl FnOnce(std::sync::Arc<engine::Owner>, FeedObserver) -> F,
) -> Response
where
    T: Serialize + Send + 'static,
    E: Into<Failure> + Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let feed = app.followed(work);
    if stream::is_asked_for(headers) {
        return stream::follow(app, feed, None);
    }
    match feed.outcome().await {
        Some(DoneDocument {
            result: Some(result),
            ..
        }) => Json(result).into_response(),
        Some(DoneDocument {
            problem: Some(problem),
            ..
        }) => Failure::from(problem).into_response(),
        Some(_) | None => Failure::broken().into_response(),
    }
}
