//! A project that knows the contract only, by way of `wit-bindgen`.

wit_bindgen::generate!({
    path: "../../../guest-sdk/wit",
    world: "project",
});

use exports::tidegate::project::guest::{
    CheckAnswer, DeployList, Guest, LocatedError, OperationError, Received, Subscription,
};
use tidegate::project::declarations::{Action, Location, Object};
use tidegate::project::log;
use tidegate::project::operations::{Delivery, Failure, Registration, RunContext, User};

struct Bare;

export!(Bare);

impl Guest for Bare {
    fn collect() -> Result<DeployList, Vec<LocatedError>> {
        Ok(DeployList {
            objects: vec![Object::Action(echo())],
            uses: Vec::new(),
        })
    }

    fn run_action(
        name: String,
        input: String,
        context: RunContext,
    ) -> Result<String, OperationError> {
        if name != "echo" {
            return Err(missing("action", &name));
        }
        let run = log::Field {
            name: "run".to_owned(),
            // The ids of runs need no escaping.
            value: format!("\"{}\"", context.run),
        };
        log::write(log::Level::Info, "echo", &[run]);
        Ok(input)
    }

    fn run_workflow(
        name: String,
        _input: String,
        _context: RunContext,
    ) -> Result<String, OperationError> {
        Err(missing("workflow", &name))
    }

    fn subscription_props(webhook: String, _user: Option<User>) -> Result<String, OperationError> {
        Err(missing("webhook", &webhook))
    }

    fn subscribe(
        webhook: String,
        _registration: Registration,
    ) -> Result<Subscription, OperationError> {
        Err(missing("webhook", &webhook))
    }

    fn unsubscribe(
        webhook: String,
        _registration: Registration,
        _unsubscribe_props: String,
    ) -> Result<(), OperationError> {
        Err(missing("webhook", &webhook))
    }

    fn refresh(
        webhook: String,
        _registration: Registration,
        _unsubscribe_props: String,
    ) -> Result<Subscription, OperationError> {
        Err(missing("webhook", &webhook))
    }

    fn check(
        webhook: String,
        _registration: Registration,
        _unsubscribe_props: Option<String>,
    ) -> Result<CheckAnswer, OperationError> {
        Err(missing("webhook", &webhook))
    }

    fn receive(
        webhook: String,
        _delivery: Delivery,
        _context: RunContext,
    ) -> Result<Received, OperationError> {
        Err(missing("webhook", &webhook))
    }
}

fn echo() -> Action {
    Action {
        name: "echo".to_owned(),
        title: "Give back what is given".to_owned(),
        integration: None,
        input: "{}".to_owned(),
        output: "{}".to_owned(),
        secrets: Vec::new(),
        variables: Vec::new(),
        hosts: Vec::new(),
        timeout_ms: None,
        idempotent: true,
        renamed_from: None,
        location: Some(Location {
            file: file!().to_owned(),
            line: line!(),
        }),
    }
}

fn missing(kind: &str, name: &str) -> OperationError {
    OperationError::Final(Failure {
        message: format!("this project has no {kind} {name}"),
        retry_after_ms: None,
    })
}
