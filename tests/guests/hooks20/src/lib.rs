//! Up to twenty webhooks at one provider, and how they behave written into the
//! compiled component by whoever deploys it: see [`Settings`].

mod provider;
mod settings;

mod bindings {
    wit_bindgen::generate!({ path: "../../../guest-sdk/wit", world: "project" });
}

use bindings::exports::tidegate::project::guest::{
    CheckAnswer, Delivery, DeployList, Guest, Json, LocatedError, OperationError, Received,
    Registration, RunContext, Subscription, User,
};
use bindings::tidegate::project::declarations::{
    Action, ChangeOrder, Hooks, Object, Respond, SecretUse, Signature, VariableUse, Webhook,
};
use bindings::tidegate::project::operations::Failure;
use bindings::tidegate::project::values;
use settings::Settings;

struct Component;

bindings::export!(Component with_types_in bindings);

impl Guest for Component {
    fn collect() -> Result<DeployList, Vec<LocatedError>> {
        let settings = Settings::read();
        let webhooks =
            (1..=settings.count).map(|number| Object::Webhook(webhook(&settings, number)));
        Ok(DeployList {
            objects: webhooks.chain([Object::Action(who(&settings))]).collect(),
            uses: Vec::new(),
        })
    }

    fn run_action(_: String, _: Json, _: RunContext) -> Result<Json, OperationError> {
        Ok(serde_json::json!({ "version": Settings::read().version }).to_string())
    }

    fn run_workflow(name: String, _: Json, _: RunContext) -> Result<Json, OperationError> {
        Err(refused(format!("there is no workflow {name}")))
    }

    fn subscription_props(_: String, _: Option<User>) -> Result<Json, OperationError> {
        let basis = Settings::read().basis;
        Ok(serde_json::json!({ "events": variable("EVENTS")?, "basis": basis }).to_string())
    }

    fn subscribe(
        webhook: String,
        registration: Registration,
    ) -> Result<Subscription, OperationError> {
        let id = provider::create(&webhook, &registration)?;
        Ok(subscription(&id))
    }

    fn unsubscribe(
        webhook: String,
        _: Registration,
        unsubscribe_props: Json,
    ) -> Result<(), OperationError> {
        provider::delete(&webhook, &unsubscribe_props)
    }

    fn refresh(webhook: String, _: Registration, _: Json) -> Result<Subscription, OperationError> {
        Err(refused(format!("webhook {webhook} does not expire")))
    }

    fn check(
        webhook: String,
        registration: Registration,
        _: Option<Json>,
    ) -> Result<CheckAnswer, OperationError> {
        let found = provider::list(&webhook, &registration.endpoint)?;
        Ok(if found.is_empty() {
            CheckAnswer::Absent
        } else {
            CheckAnswer::Found(found.iter().map(|id| subscription(id)).collect())
        })
    }

    fn receive(_: String, _: Delivery, _: RunContext) -> Result<Received, OperationError> {
        Ok(Received {
            output: "null".to_owned(),
            response: None,
        })
    }
}

fn webhook(settings: &Settings, number: u32) -> Webhook {
    let hooks = if settings.check {
        Hooks::SUBSCRIPTION | Hooks::CHECK
    } else {
        Hooks::SUBSCRIPTION
    };
    Webhook {
        name: format!("hook-{number:02}"),
        title: format!("Hook {number} of version {}", settings.version),
        integration: None,
        per_user: false,
        hooks,
        secrets: vec![SecretUse {
            name: "TOKEN".to_owned(),
            optional: false,
            subscription: false,
        }],
        variables: vec![needed("API_URL", None), needed("EVENTS", Some("push"))],
        hosts: vec!["${API_URL}".to_owned()],
        signature: Signature::None,
        dedupe: None,
        respond: Respond::Ack,
        silence_seconds: None,
        order: if settings.overlap {
            ChangeOrder::Overlap
        } else {
            ChangeOrder::Replace
        },
        challenge: None,
        timeout_ms: None,
        renamed_from: None,
        location: None,
    }
}

fn who(settings: &Settings) -> Action {
    Action {
        name: "who".to_owned(),
        title: format!("Who of version {}", settings.version),
        integration: None,
        input: "true".to_owned(),
        output: "true".to_owned(),
        secrets: Vec::new(),
        variables: Vec::new(),
        hosts: Vec::new(),
        timeout_ms: None,
        idempotent: true,
        renamed_from: None,
        location: None,
    }
}

fn needed(name: &str, default: Option<&str>) -> VariableUse {
    VariableUse {
        name: name.to_owned(),
        optional: false,
        default: default.map(str::to_owned),
        subscription: false,
    }
}

fn subscription(id: &str) -> Subscription {
    Subscription {
        unsubscribe_props: id.to_owned(),
        expires_at_ms: None,
        signing_secret: None,
    }
}

fn variable(name: &str) -> Result<String, OperationError> {
    match values::variable(name) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(refused(format!("variable {name} has no value"))),
        Err(error) => Err(refused(format!("variable {name}: {error:?}"))),
    }
}

fn secret(name: &str) -> Result<String, OperationError> {
    match values::secret(name) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(refused(format!("secret {name} has no value"))),
        Err(error) => Err(refused(format!("secret {name}: {error:?}"))),
    }
}

fn refused(message: String) -> OperationError {
    OperationError::Final(Failure {
        message,
        retry_after_ms: None,
    })
}
