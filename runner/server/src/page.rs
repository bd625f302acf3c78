//! The pages that people look at: server-rendered, readable without a script.
//!
//! One page is one file here and one template beside it. A handler takes the
//! address apart, reads through the engine, and writes the template; pages
//! change nothing. What acts does so through the API, from the script.

mod artifacts;
mod assets;
mod bar;
mod choices;
mod deliveries;
mod delivery;
mod deploy;
mod deploys;
mod environments;
mod escape;
mod example;
mod failure;
mod frame;
mod log;
mod object;
mod objects;
mod overview;
mod parts;
mod payload;
mod projects;
mod run;
mod runs;
mod subscription;
mod subscriptions;
mod text;
mod values;

use axum::Router;
use axum::extract::FromRef;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;

pub(crate) use self::frame::Pages;

use crate::app::App;

/// Pages load nothing from elsewhere and run no script but the one that is served here.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

impl FromRef<App> for Pages {
    fn from_ref(app: &App) -> Self {
        Self {
            engine: (**app.owner).clone(),
        }
    }
}

/// Returns the routes of the pages.
///
/// A page has the path of what it shows in the API, without `/api/v1`.
pub(crate) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Pages: FromRef<S>,
{
    let place = Router::new()
        .route("/", get(overview::page))
        .route("/objects", get(objects::page))
        .route("/objects/{kind}/{name}", get(object::page))
        .route("/deploys", get(deploys::page))
        .route("/deploys/{number}", get(deploy::page))
        .route("/runs", get(runs::page))
        .route("/runs/{run}", get(run::page))
        .route("/deliveries", get(deliveries::page))
        .route("/deliveries/{delivery}", get(delivery::page))
        .route("/subscriptions", get(subscriptions::page))
        .route("/subscriptions/{registration}", get(subscription::page))
        .route("/values", get(values::page));
    Router::new()
        .route("/", get(projects::all))
        .route("/projects/{project}", get(projects::one))
        .nest("/projects/{project}/environments/{environment}", place)
        .route("/environments", get(environments::page))
        .route("/artifacts", get(artifacts::page))
        .route("/assets/{name}", get(assets::serve))
        .fallback(failure::not_found)
        .layer(map_response(guarded))
}

/// Adds the headers that every page has.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
