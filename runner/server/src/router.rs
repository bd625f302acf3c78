//! Which path leads where, on each of the two ports.

use std::net::SocketAddr;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::{Router, middleware};

use crate::app::App;
use crate::{api, guard, page};

/// The most bytes of a body, but for artifacts and deliveries.
const MOST: usize = 32 * 1024 * 1024;

/// Returns the routes of the API and the pages, which answer under this address alone.
pub(crate) fn local(app: App, address: SocketAddr) -> Router {
    Router::new()
        .merge(api::routes())
        .merge(page::routes())
        .layer(DefaultBodyLimit::max(MOST))
        .layer(middleware::from_fn_with_state(address, guard::guard))
        .with_state(app)
}

/// Returns the routes of the port that a tunnel may expose.
///
/// What is not there is not described: no body, and no header that tells more.
pub(crate) fn ingress(app: App) -> Router {
    Router::new()
        .fallback(async || StatusCode::NOT_FOUND)
        .with_state(app)
}
