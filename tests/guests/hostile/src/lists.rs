//! Deploy lists: the honest one, and those that no host should accept.

use crate::bindings::exports::tidegate::project::guest::{DeployList, LocatedError};
use crate::bindings::tidegate::project::declarations::{
    Action, ChangeOrder, Hooks, Location, Object, Respond, SecretUse, Signature, Trigger,
    VariableUse, Webhook, Workflow,
};
use crate::deeds;
use crate::settings::Settings;

/// Does what the settings say, then answers.
pub(crate) fn collect(settings: &Settings) -> Result<DeployList, Vec<LocatedError>> {
    let amount = settings.amount;
    let mut objects = vec![Object::Action(act()), Object::Action(action("hello"))];
    if settings.webhooks {
        objects.push(Object::Webhook(webhook("stuck")));
        objects.push(Object::Webhook(webhook("fine")));
    }
    match settings.collect.as_str() {
        "nothing" => objects.clear(),
        "objects" => {
            objects.extend((0..amount).map(|n| Object::Action(action(&format!("a{n}")))));
        }
        "large" => objects.push(Object::Action(Action {
            title: "x".repeat(size(amount)),
            ..action("large")
        })),
        "lookalike" => objects.push(Object::Action(action("hell\u{43e}"))),
        "duplicate" => objects.push(Object::Action(action("hello"))),
        "faults" => objects.extend(faults()),
        "errors" => return Err(errors(amount)),
        // What depends on where and when it runs, if the host lets it.
        "environs" => objects.push(Object::Action(Action {
            title: deeds::act("environs", 0).unwrap_or_else(|error| error),
            ..action("environs")
        })),
        other => {
            deeds::act(other, amount).map_err(|message| vec![error(message)])?;
        }
    }
    Ok(DeployList {
        objects,
        uses: Vec::new(),
    })
}

/// Objects with one fault each, all to be reported at once.
fn faults() -> Vec<Object> {
    vec![
        Object::Action(Action {
            location: Some(Location {
                file: "src/faults.rs".to_owned(),
                line: 7,
            }),
            input: r#"{"type": "nonsense"}"#.to_owned(),
            ..action("bad-schema")
        }),
        Object::Action(Action {
            hosts: vec!["http://not a host".to_owned()],
            ..action("bad-host")
        }),
        Object::Action(Action {
            integration: Some("nowhere".to_owned()),
            ..action("dangling")
        }),
        Object::Workflow(Workflow {
            name: "bad-trigger".to_owned(),
            title: String::new(),
            integration: None,
            trigger: Trigger::Webhook("no-such-webhook".to_owned()),
            on_by_default: false,
            secrets: Vec::new(),
            variables: Vec::new(),
            hosts: Vec::new(),
            timeout_ms: None,
            renamed_from: None,
            location: None,
        }),
    ]
}

fn errors(count: u64) -> Vec<LocatedError> {
    (0..count).map(|n| error(format!("fault {n}"))).collect()
}

fn error(message: String) -> LocatedError {
    LocatedError {
        message,
        object: Some("action act".to_owned()),
        location: Some(Location {
            file: "src/lists.rs".to_owned(),
            line: 1,
        }),
    }
}

/// The action that does what it is told.
fn act() -> Action {
    Action {
        secrets: vec![SecretUse {
            name: "TOKEN".to_owned(),
            optional: true,
            subscription: false,
        }],
        variables: vec![VariableUse {
            name: "TARGET".to_owned(),
            optional: true,
            default: None,
            subscription: false,
        }],
        hosts: vec!["${TARGET}".to_owned(), "localhost".to_owned()],
        ..action("act")
    }
}

fn action(name: &str) -> Action {
    Action {
        name: name.to_owned(),
        title: name.to_owned(),
        integration: None,
        input: "true".to_owned(),
        output: "true".to_owned(),
        secrets: Vec::new(),
        variables: Vec::new(),
        hosts: Vec::new(),
        timeout_ms: None,
        idempotent: false,
        renamed_from: None,
        location: None,
    }
}

fn webhook(name: &str) -> Webhook {
    Webhook {
        name: name.to_owned(),
        title: name.to_owned(),
        integration: None,
        per_user: false,
        hooks: Hooks::SUBSCRIPTION,
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
    }
}

fn size(amount: u64) -> usize {
    usize::try_from(amount).unwrap_or(usize::MAX)
}
