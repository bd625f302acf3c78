//! A project that breaks one limit at a time: in `collect` as [`Settings`] say,
//! in its action `act` as the input says.

mod deeds;
mod lists;
mod settings;

mod bindings {
    wit_bindgen::generate!({ path: "../../../guest-sdk/wit", world: "project" });
}

use bindings::exports::tidegate::project::guest::{
    CheckAnswer, Delivery, DeployList, Guest, Json, LocatedError, OperationError, Received,
    Registration, RunContext, Subscription, User,
};
use bindings::tidegate::project::operations::Failure;
use serde_json::Value;
use settings::Settings;

struct Component;

bindings::export!(Component with_types_in bindings);

impl Guest for Component {
    fn collect() -> Result<DeployList, Vec<LocatedError>> {
        lists::collect(&Settings::read())
    }

    fn run_action(name: String, input: Json, _: RunContext) -> Result<Json, OperationError> {
        if name == "hello" {
            return Ok(r#""hello""#.to_owned());
        }
        let input: Value =
            serde_json::from_str(&input).map_err(|error| refused(error.to_string()))?;
        let what = input["what"].as_str().unwrap_or_default();
        let amount = input["amount"].as_u64().unwrap_or_default();
        deeds::act(what, amount).map_err(refused)
    }

    fn run_workflow(name: String, _: Json, _: RunContext) -> Result<Json, OperationError> {
        Err(refused(format!("there is no workflow {name}")))
    }

    fn subscription_props(_: String, _: Option<User>) -> Result<Json, OperationError> {
        let settings = Settings::read();
        deeds::act(&settings.props, settings.amount).map_err(refused)?;
        Ok("{}".to_owned())
    }

    fn subscribe(webhook: String, _: Registration) -> Result<Subscription, OperationError> {
        if webhook == "stuck" {
            deeds::spin_for_ever();
        }
        Ok(Subscription {
            unsubscribe_props: "null".to_owned(),
            expires_at_ms: None,
            signing_secret: None,
        })
    }

    fn unsubscribe(_: String, _: Registration, _: Json) -> Result<(), OperationError> {
        Ok(())
    }

    fn refresh(webhook: String, _: Registration, _: Json) -> Result<Subscription, OperationError> {
        Err(refused(format!("webhook {webhook} does not expire")))
    }

    fn check(
        webhook: String,
        _: Registration,
        _: Option<Json>,
    ) -> Result<CheckAnswer, OperationError> {
        Err(refused(format!("webhook {webhook} has no check")))
    }

    fn receive(_: String, _: Delivery, _: RunContext) -> Result<Received, OperationError> {
        Ok(Received {
            output: "null".to_owned(),
            response: None,
        })
    }
}

fn refused(message: String) -> OperationError {
    OperationError::Final(Failure {
        message,
        retry_after_ms: None,
    })
}
