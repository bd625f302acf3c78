//! What people should know before a plan is applied.

use serde::{Deserialize, Serialize};

use crate::declare::Signature;
use crate::plan::{Change, ChangeAction, Desired, Snapshot, SubscriptionPlan};
use crate::stable::stable_enum;

stable_enum! {
    /// How weighty a message is.
    pub enum Severity {
        /// Good to know.
        Info = "info",
        /// May be a mistake.
        Warning = "warning",
        /// Must be dealt with.
        Error = "error",
    }
}

/// Something that people should know before a plan is applied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Message {
    /// Its stable code.
    pub code: String,
    /// How weighty it is.
    pub severity: Severity,
    /// What it is about, such as `webhook repository-events`.
    pub subject: String,
    /// What it means.
    pub text: String,
}

/// Finds the messages of a plan, in the order of their codes and subjects.
pub(crate) fn of(
    snapshot: &Snapshot,
    desired: &Desired<'_>,
    changes: &[Change],
    subscriptions: &SubscriptionPlan,
) -> Vec<Message> {
    let mut messages = Vec::new();
    for (name, webhook) in desired.list.webhooks() {
        if webhook.signature == Signature::None {
            messages.push(Message {
                code: "signature-none".to_owned(),
                severity: Severity::Warning,
                subject: format!("webhook {name}"),
                text: "anyone who learns its address can send deliveries: they are not signed"
                    .to_owned(),
            });
        }
    }
    for item in &subscriptions.unconfigured {
        let user = match &item.user {
            Some(user) => format!(" for user {user}"),
            None => String::new(),
        };
        messages.push(Message {
            code: "webhook-unconfigured".to_owned(),
            severity: Severity::Warning,
            subject: format!("webhook {}", item.webhook),
            text: format!(
                "its subscription{user} stays as it is until this is set: {}",
                item.missing.join(", ")
            ),
        });
    }
    messages.extend(mass_removal(snapshot, changes));
    messages.sort();
    messages
}

/// Warns when more than half of the live objects go.
fn mass_removal(snapshot: &Snapshot, changes: &[Change]) -> Option<Message> {
    let live = snapshot.objects.iter().filter(|object| object.live).count();
    let going = changes
        .iter()
        .filter(|change| change.action == ChangeAction::Disable)
        .count();
    (going * 2 > live && live > 1).then(|| Message {
        code: "mass-removal".to_owned(),
        severity: Severity::Warning,
        subject: "project".to_owned(),
        text: format!("{going} of {live} live objects would be disabled"),
    })
}
