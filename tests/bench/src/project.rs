//! A project of any size, as its guest would declare it.

use std::sync::Arc;

use anyhow::{Result, bail};
use domain::declare::{
    Action, AppEvent, Auth, ChangeOrder, DeployList, Hooks, Integration, Object, Respond,
    Signature, Trigger, Webhook, Workflow,
};
use domain::{
    CheckedList, ObjectName, PropsOutcome, SubscriptionBasis, ValueVersions, WebhookProps,
};

/// What endpoints of the measured environment begin with.
const PUBLIC_URL: &str = "http://127.0.0.1:4601";

/// Declares a project of `objects` objects.
///
/// Of each hundred there are one integration, one app event, five webhooks
/// with subscriptions, ten workflows that webhooks and events trigger, and
/// actions. Two generations have the same names, and every declaration differs.
///
/// # Errors
/// When the rules refuse it.
pub(crate) fn declared(objects: usize, generation: u32) -> Result<Arc<CheckedList>> {
    let list = DeployList {
        objects: (0..objects)
            .map(|index| object(index, generation))
            .collect(),
        uses: Vec::new(),
    };
    match CheckedList::new(list) {
        Ok(list) => Ok(Arc::new(list)),
        Err(findings) => bail!("the project is not valid: {:?}", findings.first()),
    }
}

/// What `subscription-props` would return: for each generation something else.
pub(crate) fn props(list: &CheckedList, generation: u32) -> Vec<WebhookProps> {
    let basis = |webhook: &ObjectName| SubscriptionBasis {
        props: format!("{{\"generation\":{generation},\"topic\":\"{webhook}\"}}"),
        values: ValueVersions::new(),
        public_url: PUBLIC_URL.to_owned(),
    };
    list.webhooks()
        .map(|(webhook, _)| WebhookProps {
            webhook: webhook.clone(),
            user: None,
            outcome: PropsOutcome::Basis(basis(webhook)),
        })
        .collect()
}

fn object(index: usize, generation: u32) -> Object {
    let hundred = index / 100 * 100;
    let name = |kind: &str| format!("{kind}-{index}");
    let title = format!("Number {index} of generation {generation}");
    let integration = Some(format!("integration-{hundred}"));
    match index % 100 {
        0 => Object::Integration(Integration {
            name: name("integration"),
            title,
            auth: Auth::None,
            settings: Vec::new(),
            renamed_from: None,
            location: None,
        }),
        1 => Object::AppEvent(AppEvent {
            name: name("event"),
            title,
            schema: schema(index),
            renamed_from: None,
            location: None,
        }),
        2..7 => webhook(name("webhook"), title, integration),
        part @ 7..17 => Object::Workflow(Workflow {
            name: name("workflow"),
            title,
            integration,
            trigger: if part < 12 {
                Trigger::Webhook {
                    name: format!("webhook-{}", hundred + part - 5),
                }
            } else {
                Trigger::Event {
                    name: format!("event-{}", hundred + 1),
                }
            },
            on_by_default: true,
            secrets: Vec::new(),
            variables: Vec::new(),
            hosts: Vec::new(),
            timeout_ms: None,
            renamed_from: None,
            location: None,
        }),
        _ => Object::Action(Action {
            name: name("action"),
            title,
            integration,
            input: schema(index),
            output: schema(index),
            secrets: Vec::new(),
            variables: Vec::new(),
            hosts: vec!["api.example.com".to_owned()],
            timeout_ms: None,
            idempotent: false,
            renamed_from: None,
            location: None,
        }),
    }
}

fn webhook(name: String, title: String, integration: Option<String>) -> Object {
    Object::Webhook(Webhook {
        name,
        title,
        integration,
        per_user: false,
        hooks: Hooks {
            subscription: true,
            refresh: false,
            check: false,
        },
        secrets: Vec::new(),
        variables: Vec::new(),
        hosts: Vec::new(),
        signature: Signature::None,
        dedupe: None,
        respond: Respond::Ack,
        silence_seconds: None,
        order: ChangeOrder::Replace,
        challenge: None,
        timeout_ms: None,
        renamed_from: None,
        location: None,
    })
}

/// A schema as the SDK derives one of a struct with three fields.
fn schema(number: usize) -> String {
    format!(
        r#"{{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Type{number}","type":"object","properties":{{"id":{{"type":"integer","format":"uint64","minimum":0}},"name":{{"type":"string"}},"field_{number}":{{"type":["string","null"]}}}},"required":["id","name"]}}"#
    )
}
