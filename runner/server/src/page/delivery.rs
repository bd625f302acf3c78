//! One delivery: what came, and the run that handles it.

use askama::Template;
use askama::filters::Safe;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use domain::DeliveryId;
use engine::{DeliveryReport, ReadError};
use serde::Deserialize;

use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};
use super::payload::{Payload, Whole};

#[derive(Deserialize)]
pub(super) struct Which {
    delivery: String,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct Delivery {
    frame: Frame,
    delivery: DeliveryReport,
    body: Safe<Payload>,
}

/// Shows one delivery.
pub(super) async fn page(
    State(pages): State<Pages>,
    place: Place,
    Path(Which { delivery }): Path<Which>,
    Query(whole): Query<Whole>,
) -> Result<Html<String>, Failure> {
    let id: DeliveryId = delivery
        .parse()
        .map_err(|_| Failure::missing(format!("There is no delivery `{delivery}`.")))?;
    let delivery = pages.engine.delivery(id).await?;
    let here = delivery.project == place.project.as_str()
        && delivery.environment == place.environment.as_str();
    if !here {
        return Err(ReadError::DeliveryUnknown(id).into());
    }
    render(&Delivery {
        frame: pages.frame(&place, Section::Deliveries).await?,
        body: Payload::text("Body", body(&delivery), &whole),
        delivery,
    })
}

/// Returns the body as text, or in Base64 where it is none.
fn body(delivery: &DeliveryReport) -> String {
    let Some(content) = &delivery.content else {
        return String::new();
    };
    match (&content.body, &content.body_base64) {
        (Some(text), _) => text.clone(),
        (None, Some(encoded)) => format!("(no text, so in Base64)\n{encoded}"),
        (None, None) => String::new(),
    }
}
