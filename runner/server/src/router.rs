//! Which path leads where, on each of the two ports.

use axum::Router;
use axum::http::StatusCode;

use crate::app::App;
use crate::page;

/// Returns the routes of the API and the pages.
pub(crate) fn local(app: App) -> Router {
    Router::new().merge(page::routes()).with_state(app)
}

/// Returns the routes of the port that a tunnel may expose.
///
/// What is not there is not described: no body, and no header that tells more.
pub(crate) fn ingress(app: App) -> Router {
    Router::new()
        .fallback(async || StatusCode::NOT_FOUND)
        .with_state(app)
}
