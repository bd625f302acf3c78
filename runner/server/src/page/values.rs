//! Secrets by their presence only, variables and app configuration.

use askama::Template;
use askama::filters::Safe;
use axum::extract::State;
use axum::response::Html;
use domain::ValueKind;
use engine::{ReadError, ValueReport};

use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};
use super::parts::{self, Tone};

/// The values of one kind.
struct Group {
    kind: ValueKind,
    id: &'static str,
    title: &'static str,
    none: &'static str,
    example: &'static str,
    /// Whether their content may be shown.
    shown: bool,
    values: Vec<ValueReport>,
}

impl Group {
    fn new(kind: ValueKind, values: Vec<ValueReport>) -> Self {
        let (id, title, none, example) = match kind {
            ValueKind::Secret => (
                "secrets",
                "Secrets",
                "No secret is set or used here.",
                "secrets set NAME",
            ),
            ValueKind::Variable => (
                "variables",
                "Variables",
                "No variable is set or used here.",
                "vars set NAME VALUE",
            ),
            ValueKind::AppConfig => (
                "app-config",
                "App configuration",
                "No app configuration is set or used here.",
                "config set INTEGRATION KEY",
            ),
        };
        Self {
            kind,
            id,
            title,
            none,
            example,
            shown: kind == ValueKind::Variable,
            values,
        }
    }

    /// Returns the command that sets a value.
    fn set(&self, value: &ValueReport) -> String {
        match self.kind {
            ValueKind::Secret => format!("secrets set {}", value.name),
            ValueKind::Variable => format!("vars set {} VALUE", value.name),
            ValueKind::AppConfig => format!("config set {}", value.name.replacen('.', " ", 1)),
        }
    }
}

#[derive(Template)]
#[template(path = "values.html")]
struct Values {
    frame: Frame,
    groups: Vec<Group>,
}

impl Values {
    fn state_of(&self, value: &ValueReport) -> Safe<parts::State> {
        match (value.set, value.used_by.is_empty()) {
            (true, _) => parts::state(Tone::Good, "set"),
            (false, true) => parts::state(Tone::Idle, "not set"),
            (false, false) => parts::state(Tone::Wary, "not set"),
        }
    }
}

/// Shows the values of a place.
pub(super) async fn page(
    State(pages): State<Pages>,
    place: Place,
) -> Result<Html<String>, Failure> {
    let groups = vec![
        group(&pages, &place, ValueKind::Secret).await?,
        group(&pages, &place, ValueKind::Variable).await?,
        group(&pages, &place, ValueKind::AppConfig).await?,
    ];
    render(&Values {
        frame: pages.frame(&place, Section::Values).await?,
        groups,
    })
}

async fn group(pages: &Pages, place: &Place, kind: ValueKind) -> Result<Group, ReadError> {
    let values = pages
        .engine
        .values_list(&place.project, &place.environment, kind)
        .await?;
    Ok(Group::new(kind, values))
}
