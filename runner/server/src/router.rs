//! Which path leads where, on each of the two ports.

use std::net::SocketAddr;

use axum::extract::DefaultBodyLimit;
use axum::{Router, middleware};
use engine::IngressLimits;

use crate::app::App;
use crate::{api, guard, ingress, page};

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

/// Returns the routes of the port that a tunnel may expose: what webhooks
/// deliver is received, and nothing else is there.
pub(crate) fn hooks(app: App) -> Router {
    Router::new()
        .fallback(ingress::receive)
        .layer(DefaultBodyLimit::max(IngressLimits::default().body))
        .with_state(app)
}
