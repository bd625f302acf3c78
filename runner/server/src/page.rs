//! The pages that people look at.

use axum::Router;

use crate::app::App;

/// Returns the routes of the pages.
pub(crate) fn routes() -> Router<App> {
    Router::new()
}
