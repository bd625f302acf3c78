//! What happens to objects, and what people should know of it.

use anstyle::{AnsiColor, Style};
use domain::{Capability, Change, ChangeAction, Message, Severity, Unconfigured};

use super::Length;
use crate::text::{clip, plain};

const ADDED: Style = AnsiColor::Green.on_default();
const CHANGED: Style = AnsiColor::Yellow.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();

/// Writes each change in a line: `+` new, `~` changed, `-` gone.
pub(crate) fn changes(changes: &[Change], length: Length) -> Vec<String> {
    let shown = length.shown(changes.len());
    let mut lines: Vec<String> = changes[..shown]
        .iter()
        .flat_map(|change| change_lines(change, length))
        .collect();
    if shown < changes.len() {
        lines.push(format!("  … and {} more", changes.len() - shown));
    }
    lines
}

fn change_lines(change: &Change, length: Length) -> Vec<String> {
    let (style, sign, remark) = match change.action {
        ChangeAction::Add => (ADDED, '+', ""),
        ChangeAction::ReEnable => (ADDED, '+', ", re-enabled"),
        ChangeAction::Modify => (CHANGED, '~', ""),
        ChangeAction::Disable => (REMOVED, '-', ""),
    };
    let fields: Vec<_> = change
        .fields
        .iter()
        .map(|field| plain(&field.field))
        .collect();
    let fields = match fields.is_empty() {
        true => String::new(),
        false => format!(": {}", fields.join(", ")),
    };
    let mut lines = vec![format!(
        "  {style}{sign}{style:#} {}{remark}{fields}",
        change.key
    )];
    if length == Length::Full {
        lines.extend(change.fields.iter().map(|field| {
            let side = |value: &Option<serde_json::Value>| match value {
                Some(value) => clip(&value.to_string(), 120),
                None => "nothing".to_owned(),
            };
            let (before, after) = (side(&field.before), side(&field.after));
            format!("      {}: {before} → {after}", plain(&field.field))
        }));
    }
    lines
}

/// Writes what is newly asked for.
pub(crate) fn capabilities(capabilities: &[Capability], length: Length) -> Vec<String> {
    let shown = length.shown(capabilities.len());
    let mut lines: Vec<String> = capabilities[..shown]
        .iter()
        .map(|new| format!("  {} {} for {}", new.capability, plain(&new.value), new.key))
        .collect();
    if shown < capabilities.len() {
        lines.push(format!("  … and {} more", capabilities.len() - shown));
    }
    lines
}

/// Writes what people should know.
pub(crate) fn messages(messages: &[Message]) -> Vec<String> {
    let line = |message: &Message| {
        let style = match message.severity {
            Severity::Info => Style::new(),
            Severity::Warning => CHANGED,
            Severity::Error => REMOVED,
        };
        let severity = message.severity.as_str();
        let (subject, text) = (plain(&message.subject), plain(&message.text));
        format!("  {style}{severity}{style:#}: {subject}: {text}")
    };
    messages.iter().map(line).collect()
}

/// Writes which webhooks cannot be subscribed yet, and the commands that help.
pub(crate) fn unconfigured(items: &[Unconfigured], environment: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for item in items {
        let user = match &item.user {
            Some(user) => format!(" for user {}", plain(&user.0)),
            None => String::new(),
        };
        lines.push(format!(
            "  webhook {}{user} waits for: {}",
            item.webhook,
            plain(&item.missing.join(", "))
        ));
        for missing in &item.missing {
            lines.push(format!("    {}", setter(missing, environment)));
        }
    }
    lines
}

/// Returns the command that sets what is missing, which is named `secret NAME` or the like.
pub(crate) fn setter(missing: &str, environment: &str) -> String {
    match missing.split_once(' ') {
        Some(("secret", name)) => {
            format!("tidegate secrets set {} --env {environment}", plain(name))
        }
        Some(("variable", name)) => {
            format!(
                "tidegate vars set {} VALUE --env {environment}",
                plain(name)
            )
        }
        _ => format!("tidegate env update {environment} --public-url URL"),
    }
}
