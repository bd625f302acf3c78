//! Secrets, variables and app configuration.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, put};
use domain::{EnvironmentName, ProjectName, Secret, ValueKey, ValueKind};
use engine::{ValueReport, ValueRequest};

use super::environments::Forced;
use super::{At, List, observed};
use crate::app::App;
use crate::extract::{Asked, Given, In};
use crate::wire::{Items, ValueBody};

/// The kinds of value, by the word that their address has.
const KINDS: [(&str, ValueKind); 3] = [
    ("secrets", ValueKind::Secret),
    ("variables", ValueKind::Variable),
    ("app-config", ValueKind::AppConfig),
];

/// Returns the word that the addresses of a kind of value have.
#[must_use]
pub fn value_path(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Secret => "secrets",
        ValueKind::Variable => "variables",
        ValueKind::AppConfig => "app-config",
    }
}

pub(super) fn routes() -> Router<App> {
    let at = "/projects/{project}/environments/{environment}";
    KINDS.iter().fold(Router::new(), |routes, (word, kind)| {
        let kind = *kind;
        routes
            .route(
                &format!("{at}/{word}"),
                get(async move |app, at| list(app, at, kind).await),
            )
            .route(
                &format!("{at}/{word}/{{name}}"),
                put(async move |app, headers, one, body| set(app, headers, one, kind, body).await)
                    .delete(async move |app, headers, one, forced| {
                        unset(app, headers, one, kind, forced).await
                    }),
            )
    })
}

async fn list(
    State(app): State<App>,
    In((project, environment)): In<At>,
    kind: ValueKind,
) -> List<ValueReport> {
    let values = app.owner.values_list(&project, &environment, kind).await?;
    Ok(Json(Items::all(values)))
}

/// A value, in the path.
type One = (ProjectName, EnvironmentName, String);

fn request((project, environment, name): One, kind: ValueKind) -> ValueRequest {
    ValueRequest {
        project,
        environment,
        key: ValueKey { kind, name },
    }
}

async fn set(
    State(app): State<App>,
    headers: HeaderMap,
    In(one): In<One>,
    kind: ValueKind,
    Given(body): Given<ValueBody>,
) -> Response {
    let value = Secret::new(body.value.0);
    observed(&app, &headers, |owner, observer| async move {
        owner.set_value(request(one, kind), value, &observer).await
    })
    .await
}

async fn unset(
    State(app): State<App>,
    headers: HeaderMap,
    In(one): In<One>,
    kind: ValueKind,
    Asked(forced): Asked<Forced>,
) -> Response {
    observed(&app, &headers, |owner, observer| async move {
        let request = request(one, kind);
        owner.unset_value(request, forced.into(), &observer).await
    })
    .await
}
