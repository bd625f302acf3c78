//! Registrations of webhooks at third parties.

use domain::{RegistrationState, Timestamp};
use engine::RegistrationReport;

use super::step::steps;
use crate::text::{Table, clip, json, moment, plain, relative};

/// Writes a list of registrations.
pub(crate) fn subscriptions(items: &[RegistrationReport], now: Timestamp) -> String {
    let headers = [
        "ID",
        "WEBHOOK",
        "STATE",
        "ARTIFACT",
        "DEPLOY",
        "NEXT",
        "LAST ERROR",
    ];
    let mut table = Table::new(headers);
    for item in items {
        let user = match &item.user {
            Some(user) => format!(" ({})", clip(&user.0, 30)),
            None => String::new(),
        };
        let next = item.next_attempt_at.map(|at| relative(at, now));
        let error = item.last_error.as_deref().map(|error| clip(error, 60));
        table.row([
            item.registration.to_string(),
            format!("{}{user}", plain(&item.webhook)),
            state(item),
            item.artifact.short(),
            item.deploy.to_string(),
            next.unwrap_or_else(|| "-".to_owned()),
            error.unwrap_or_default(),
        ]);
    }
    table.render("there are no subscriptions")
}

/// Writes one registration with its steps and its history.
pub(crate) fn subscription(item: &RegistrationReport, environment: &str, now: Timestamp) -> String {
    let mut lines = vec![format!(
        "registration {} of webhook {}: {}",
        item.registration,
        plain(&item.webhook),
        state(item)
    )];
    if let Some(user) = &item.user {
        lines.push(format!("  for user   {}", plain(&user.0)));
    }
    lines.push(format!(
        "  artifact   {} of deploy {}",
        item.artifact, item.deploy
    ));
    let mut instant = |name: &str, at: Option<Timestamp>| {
        if let Some(at) = at {
            lines.push(format!(
                "  {name:<10} {} ({})",
                moment(at),
                relative(at, now)
            ));
        }
    };
    instant("expires", item.expires_at);
    instant("down since", item.down_since);
    instant("next", item.next_attempt_at);
    if let Some(error) = &item.last_error {
        lines.push(format!("  last error {}", plain(error)));
    }
    lines.push("props".to_owned());
    lines.extend(json(&item.props).lines().map(|line| format!("  {line}")));
    if !item.steps.is_empty() {
        lines.push("open steps".to_owned());
        lines.extend(steps(&item.steps, environment, now));
    }
    if !item.history.is_empty() {
        lines.push("history".to_owned());
        let event = |event: &engine::HistoryReport| {
            format!("  {} {}", moment(event.time), plain(&event.event))
        };
        lines.extend(item.history.iter().map(event));
    }
    lines.join("\n")
}

fn state(item: &RegistrationReport) -> String {
    let doubt = match (item.possible_double, item.state) {
        (true, _) => ", possible double",
        (false, RegistrationState::Uncertain) => ", possible orphan",
        (false, _) => "",
    };
    format!("{}{doubt}", item.state)
}
