//! One subscription: who owns it, what is owed, what happened.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Html;
use domain::RegistrationId;
use engine::RegistrationReport;
use serde::Deserialize;

use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};
use super::parts::Tone;

#[derive(Deserialize)]
pub(super) struct Which {
    registration: String,
}

#[derive(Template)]
#[template(path = "subscription.html")]
struct Subscription {
    frame: Frame,
    item: RegistrationReport,
}

/// Shows one subscription with its journal.
pub(super) async fn page(
    State(pages): State<Pages>,
    place: Place,
    Path(Which { registration }): Path<Which>,
) -> Result<Html<String>, Failure> {
    let id: RegistrationId = registration
        .parse()
        .map_err(|_| Failure::missing(format!("There is no subscription `{registration}`.")))?;
    let item = pages
        .engine
        .registration(&place.project, &place.environment, id)
        .await?;
    render(&Subscription {
        frame: pages.frame(&place, Section::Subscriptions).await?,
        item,
    })
}
