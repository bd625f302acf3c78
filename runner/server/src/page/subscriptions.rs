//! The subscriptions of a place at third parties.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use engine::RegistrationReport;

use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};
use super::parts::Tone;

#[derive(Template)]
#[template(path = "subscriptions.html")]
struct Subscriptions {
    frame: Frame,
    subscriptions: Vec<RegistrationReport>,
}

/// Shows the subscriptions that are not over.
pub(super) async fn page(
    State(pages): State<Pages>,
    place: Place,
) -> Result<Html<String>, Failure> {
    let subscriptions = pages
        .engine
        .registrations(&place.project, &place.environment)
        .await?;
    render(&Subscriptions {
        frame: pages.frame(&place, Section::Subscriptions).await?,
        subscriptions,
    })
}
