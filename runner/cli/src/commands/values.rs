//! What secrets, variables and app configuration have in common.

use clap::Args;
use domain::{Secret, ValueKey, ValueKind};
use engine::{Force, ValueReport, ValueRequest};

use super::Outcome;
use super::deploy::conclude;
use crate::context::{Context, EnvironmentArg};
use crate::document::{items, value_change};
use crate::outcome::{Ending, code_of};
use crate::text::{Table, clip, moment};

/// A value to unset.
#[derive(Debug, Args)]
pub(crate) struct Unset {
    /// Its name
    #[arg(value_name = "NAME")]
    pub(crate) name: domain::ValueName,
    #[command(flatten)]
    pub(crate) environment: EnvironmentArg,
    /// Even where a subscription cannot be ended without it; its steps then wait
    #[arg(long)]
    pub(crate) force: bool,
}

/// Lists the values of a kind; never what a secret is.
pub(crate) async fn list(
    context: &Context,
    environment: &EnvironmentArg,
    kind: ValueKind,
) -> Outcome {
    let session = context.open(None, "values list").await?;
    let (project, environment) = session.place(environment).await?;
    let values = session
        .engine
        .values_list(&project, &environment, kind)
        .await?;
    let (name, empty) = match kind {
        ValueKind::Secret => (
            "secrets",
            "there are no secrets, and no live object uses one",
        ),
        ValueKind::Variable => (
            "variables",
            "there are no variables, and no live object uses one",
        ),
        ValueKind::AppConfig => (
            "app_config",
            "there is no app configuration, and no live object uses any",
        ),
    };
    context.shell.document(&items(name, &values));
    context.shell.data(table(&values, kind).render(empty));
    Ok(Ending::Done)
}

/// Sets a value, and shows the deploy that followed if live objects use it.
pub(crate) async fn set(
    context: &Context,
    environment: &EnvironmentArg,
    key: ValueKey,
    value: Secret,
) -> Outcome {
    let session = context.open(None, "values set").await?;
    let (project, environment) = session.place(environment).await?;
    let progress = context.progress();
    let mut door = session.door(context).await?;
    let request = ValueRequest {
        project,
        environment,
        key,
    };
    let set = door.set_value(&request, &value, &progress).await;
    door.settle_due(&progress).await;
    drop(progress);
    Ok(tell(context, &set?))
}

/// Unsets a value.
pub(crate) async fn unset(
    context: &Context,
    environment: &EnvironmentArg,
    key: ValueKey,
    force: Force,
) -> Outcome {
    let session = context.open(None, "values unset").await?;
    let (project, environment) = session.place(environment).await?;
    let progress = context.progress();
    let mut door = session.door(context).await?;
    let request = ValueRequest {
        project,
        environment,
        key,
    };
    let unset = door.unset_value(&request, force, &progress).await;
    door.settle_due(&progress).await;
    drop(progress);
    Ok(tell(context, &unset?))
}

fn tell(context: &Context, change: &engine::ValueChangeReport) -> Ending {
    context.shell.document(&value_change(change));
    let value = &change.value;
    let (kind, name) = (kind_words(value.kind), &value.name);
    context.shell.data(match (change.changed, value.set) {
        (false, true) => format!("{kind} {name} has that value already"),
        (false, false) => format!("{kind} {name} was not set"),
        (true, true) => format!(
            "{kind} {name} is set, version {}",
            value.version.unwrap_or(0)
        ),
        (true, false) => format!("{kind} {name} is unset"),
    });
    match &change.reconfigure {
        None => Ending::Done,
        Some(deploy) if context.shell.is_json() => {
            code_of(deploy).map_or(Ending::Done, Ending::from)
        }
        Some(deploy) => conclude(context, deploy),
    }
}

fn table(values: &[ValueReport], kind: ValueKind) -> Table {
    let headers = match kind {
        ValueKind::Variable => ["NAME", "VALUE", "VERSION", "SET", "USED BY"],
        ValueKind::Secret | ValueKind::AppConfig => ["NAME", "STATE", "VERSION", "SET", "USED BY"],
    };
    let mut table = Table::new(headers);
    for value in values {
        let state = match (&value.value, value.set) {
            (Some(content), _) => clip(content, 60),
            (None, true) => "set".to_owned(),
            (None, false) => "not set".to_owned(),
        };
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.row([
            clip(&value.name, 64),
            state,
            or_dash(value.version.map(|version| version.to_string())),
            or_dash(value.set_at.map(moment)),
            clip(&value.used_by.join(", "), 80),
        ]);
    }
    table
}

fn kind_words(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Secret => "secret",
        ValueKind::Variable => "variable",
        ValueKind::AppConfig => "app configuration",
    }
}
