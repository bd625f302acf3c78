//! What the project does, without Tidegate.

// A component is no library that a test could link: its source is compiled in.
#[path = "../src/lib.rs"]
mod hello;

use serde_json::json;
use tidegate_sdk::test;

#[test]
fn greets_by_name() {
    let ctx = test::Context::new();
    let output = test::run_action(&hello::project(), "greet", &ctx, &json!({ "name": "Ada" }));
    assert_eq!(
        output.expect("greeted"),
        json!({ "greeting": "Hello, Ada!" })
    );
}

#[test]
fn declares_one_action_with_its_schemas() {
    let list = test::collect(&hello::project()).expect("no fault");
    assert_eq!(list.names("action"), ["greet"]);
    let greet = list.object("action", "greet");
    assert_eq!(greet["input"]["properties"]["name"]["type"], "string");
    assert_eq!(greet["output"]["required"], json!(["greeting"]));
}
