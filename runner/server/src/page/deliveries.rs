//! The deliveries of a place, and the addresses at which they come.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use domain::{DeliveryId, RunStatus};
use engine::{AddressReport, DeliveryReport, DeliverySelection};
use serde::Deserialize;

use super::choices::{Choice, choices, encoded};
use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};
use super::parts::Tone;

/// How many are shown at once.
const SHOWN: u32 = 50;

/// Which deliveries the address asks for.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    status: Option<String>,
    webhook: Option<String>,
    before: Option<DeliveryId>,
}

#[derive(Template)]
#[template(path = "deliveries.html")]
struct Deliveries {
    frame: Frame,
    filter: Filter,
    choices: Vec<Choice>,
    webhooks: BTreeSet<String>,
    deliveries: Vec<DeliveryReport>,
    addresses: Vec<AddressReport>,
    more: Option<String>,
}

impl Deliveries {
    fn none(&self) -> &'static str {
        if self.filter.status.is_some() || self.filter.webhook.is_some() {
            "No delivery is like that."
        } else {
            "No delivery came yet. One can be sent as the provider would sign it."
        }
    }
}

/// Shows the deliveries of a place.
pub(super) async fn page(
    State(pages): State<Pages>,
    place: Place,
    Query(mut filter): Query<Filter>,
) -> Result<Html<String>, Failure> {
    filter.webhook = filter.webhook.filter(|webhook| !webhook.is_empty());
    let (project, environment) = (&place.project, &place.environment);
    let status = filter.status.as_deref().and_then(RunStatus::from_name);
    let selection = DeliverySelection {
        webhook: filter.webhook.clone(),
        status,
        before: filter.before,
        limit: SHOWN,
    };
    let report = pages
        .engine
        .deliveries(project, environment, selection)
        .await?;
    let addresses = pages.engine.addresses(project, environment).await?;
    let webhook = filter.webhook.as_deref().map(encoded);
    let webhook = webhook.map_or(String::new(), |name| format!("webhook={name}"));
    let names = RunStatus::ALL.into_iter().filter_map(|status| {
        let count = report.runs.get(&status)?;
        Some((status.as_str(), format!("{status} {count}")))
    });
    let last = report.deliveries.last().map(|last| last.delivery);
    let full = report.deliveries.len() >= SHOWN as usize;
    render(&Deliveries {
        frame: pages.frame(&place, Section::Deliveries).await?,
        choices: choices(
            "all",
            "status",
            names,
            status.map(RunStatus::as_str),
            &webhook,
        ),
        webhooks: addresses.iter().map(|it| it.webhook.clone()).collect(),
        addresses,
        more: last.filter(|_| full).map(|last| {
            let status = status.map_or(String::new(), |status| format!("status={status}&"));
            let separator = if webhook.is_empty() { "" } else { "&" };
            format!("?{status}{webhook}{separator}before={last}")
        }),
        filter,
        deliveries: report.deliveries,
    })
}
