//! What collecting a project finds wrong with it as a whole.

use tidegate_sdk::{Result, action, app_event, integration, test, uses, workflow};

const PING: u32 = line!() + 2;
#[action]
fn ping(_input: ()) -> Result<()> {
    Ok(())
}

mod again {
    pub(crate) const PING: u32 = line!() + 2;
    #[tidegate_sdk::action(integration = "shop")]
    pub(crate) fn ping(_input: ()) -> tidegate_sdk::Result<()> {
        Ok(())
    }
}

const ON_ORDER: u32 = line!() + 2;
#[workflow(name = "ping", trigger = webhook("orders"))]
fn on_order() -> Result<()> {
    Ok(())
}

const ON_EVENT: u32 = line!() + 2;
#[workflow(trigger = event("order-placed"))]
fn on_event() -> Result<()> {
    Ok(())
}

#[integration]
struct Shop;

#[app_event(name = "order-placed")]
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct OwnEvent {}

#[uses(project = "shop", event = "order-placed")]
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct OthersEvent {}

#[test]
fn all_faults_of_a_list_are_reported_at_once_with_file_and_line() {
    tidegate_sdk::project!(ping, again::ping, on_order, on_event);
    let errors = test::collect(&project()).expect_err("four faults");
    let file = file!();
    let twice = format!("action ping is declared twice, first at {file}:{PING}");
    let expected = [
        (again::PING, twice.as_str()),
        (
            again::PING,
            "action ping names the integration shop, which the project does not declare",
        ),
        (
            ON_ORDER,
            "workflow ping names the webhook orders, which the project does not declare",
        ),
        (
            ON_EVENT,
            "workflow on-event names the app event order-placed, which the project does not declare",
        ),
    ];
    assert_eq!(
        errors,
        expected.map(|(line, message)| format!("{file}:{line}: {message}"))
    );
}

#[test]
fn one_name_may_stand_for_objects_of_several_kinds() {
    tidegate_sdk::project!(again::ping, Shop, on_event, OwnEvent);
    let list = test::collect(&project()).expect("no fault");
    assert_eq!(list.names("integration"), ["shop"]);
}

#[test]
fn an_event_of_another_project_may_trigger_a_workflow() {
    tidegate_sdk::project!(on_event, OthersEvent);
    let list = test::collect(&project()).expect("no fault");
    assert_eq!(list.uses()[0]["used"]["event"]["name"], "order-placed");
}

#[test]
fn a_project_may_be_empty() {
    tidegate_sdk::project!();
    let list = test::collect(&project()).expect("no fault");
    assert!(list.names("action").is_empty());
}

#[test]
fn collecting_twice_gives_the_same_list() {
    tidegate_sdk::project!(ping, Shop, on_event, OwnEvent);
    assert_eq!(test::collect(&project()), test::collect(&project()));
}

#[test]
fn a_call_of_what_is_not_there_is_final() {
    tidegate_sdk::project!(ping);
    let ctx = test::Context::new();
    let error = test::run_action(&project(), "pong", &ctx, &serde_json::Value::Null)
        .expect_err("no such action");
    assert_eq!(error.to_string(), "this project has no action pong");
    assert!(!error.is_retryable());
}
