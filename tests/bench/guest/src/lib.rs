//! A project with as many objects as its settings say, each with a schema of its own.

wit_bindgen::generate!({
    path: "../../../guest-sdk/wit",
    world: "project",
});

use exports::tidegate::project::guest::{
    CheckAnswer, DeployList, Guest, LocatedError, OperationError, Received, Subscription,
};
use tidegate::project::declarations::{
    Action, AppEvent, Auth, ChangeOrder, Hooks, Integration, Location, Object, Respond, Signature,
    Trigger, Webhook, Workflow,
};
use tidegate::project::operations::{Delivery, Failure, Registration, RunContext, User};

const LENGTH: usize = 256;
const MARK: &str = "TIDEGATE-SETTINGS:";

/// The mark, then a JSON object with one number, then spaces; overwritten in the component.
static SETTINGS: [u8; LENGTH] = padded("TIDEGATE-SETTINGS:{\"objects\":1}");

const fn padded(text: &str) -> [u8; LENGTH] {
    let mut bytes = [b' '; LENGTH];
    let mut at = 0;
    while at < text.len() {
        bytes[at] = text.as_bytes()[at];
        at += 1;
    }
    bytes
}

/// Reads how many objects there are.
fn objects() -> usize {
    // A volatile read, lest the compiler use what it sees here.
    let bytes = unsafe { std::ptr::read_volatile(&raw const SETTINGS) };
    let digits: String = bytes[MARK.len()..]
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .map(|byte| char::from(*byte))
        .collect();
    digits.parse().expect("the settings have one number")
}

struct Many;

export!(Many);

impl Guest for Many {
    fn collect() -> Result<DeployList, Vec<LocatedError>> {
        Ok(DeployList {
            objects: (0..objects()).map(object).collect(),
            uses: Vec::new(),
        })
    }

    fn run_action(name: String, _: String, _: RunContext) -> Result<String, OperationError> {
        Err(idle(&name))
    }

    fn run_workflow(name: String, _: String, _: RunContext) -> Result<String, OperationError> {
        Err(idle(&name))
    }

    fn subscription_props(webhook: String, _: Option<User>) -> Result<String, OperationError> {
        Err(idle(&webhook))
    }

    fn subscribe(webhook: String, _: Registration) -> Result<Subscription, OperationError> {
        Err(idle(&webhook))
    }

    fn unsubscribe(webhook: String, _: Registration, _: String) -> Result<(), OperationError> {
        Err(idle(&webhook))
    }

    fn refresh(
        webhook: String,
        _: Registration,
        _: String,
    ) -> Result<Subscription, OperationError> {
        Err(idle(&webhook))
    }

    fn check(
        webhook: String,
        _: Registration,
        _: Option<String>,
    ) -> Result<CheckAnswer, OperationError> {
        Err(idle(&webhook))
    }

    fn receive(webhook: String, _: Delivery, _: RunContext) -> Result<Received, OperationError> {
        Err(idle(&webhook))
    }
}

fn idle(name: &str) -> OperationError {
    OperationError::Final(Failure {
        message: format!("{name} is only declared"),
        retry_after_ms: None,
    })
}

/// Of each hundred: one integration, one app event, five webhooks, ten workflows, else actions.
fn object(index: usize) -> Object {
    let hundred = index / 100 * 100;
    let name = |kind: &str| format!("{kind}-{index}");
    let title = format!("Number {index}");
    let integration = Some(format!("integration-{hundred}"));
    let location = Some(Location {
        file: "src/lib.rs".to_owned(),
        line: u32::try_from(index).unwrap_or(u32::MAX),
    });
    match index % 100 {
        0 => Object::Integration(Integration {
            name: name("integration"),
            title,
            auth: Auth::None,
            settings: Vec::new(),
            renamed_from: None,
            location,
        }),
        1 => Object::AppEvent(AppEvent {
            name: name("event"),
            title,
            schema: schema(index),
            renamed_from: None,
            location,
        }),
        2..7 => Object::Webhook(Webhook {
            name: name("webhook"),
            title,
            integration,
            per_user: false,
            hooks: Hooks::empty(),
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
            location,
        }),
        part @ 7..17 => Object::Workflow(Workflow {
            name: name("workflow"),
            title,
            integration,
            trigger: if part < 12 {
                Trigger::Webhook(format!("webhook-{}", hundred + part - 5))
            } else {
                Trigger::Event(format!("event-{}", hundred + 1))
            },
            on_by_default: true,
            secrets: Vec::new(),
            variables: Vec::new(),
            hosts: Vec::new(),
            timeout_ms: None,
            renamed_from: None,
            location,
        }),
        _ => Object::Action(Action {
            name: name("action"),
            title,
            integration,
            input: schema(index),
            output: schema(index + 1_000_000),
            secrets: Vec::new(),
            variables: Vec::new(),
            hosts: vec!["api.example.com".to_owned()],
            timeout_ms: None,
            idempotent: false,
            renamed_from: None,
            location,
        }),
    }
}

/// A schema as the SDK derives one of a struct with three fields, and like no other's.
fn schema(number: usize) -> String {
    format!(
        r#"{{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Type{number}","type":"object","properties":{{"id":{{"type":"integer","format":"uint64","minimum":0}},"name":{{"type":"string"}},"field_{number}":{{"type":["string","null"]}}}},"required":["id","name"]}}"#
    )
}
