use serde_json::json;
use tidegate_sdk::test;

#[test]
fn greets_by_name() {
    let ctx = test::Context::new();
    let output = test::run_action(&@CRATE@::project(), "greet", &ctx, &json!({ "name": "Ada" }));
    assert_eq!(
        output.expect("greeted"),
        json!({ "greeting": "Hello, Ada!" })
    );
}

#[test]
fn declares_what_is_meant_to_be_deployed() {
    let list = test::collect(&@CRATE@::project()).expect("no fault");
    assert_eq!(list.names("action"), ["greet"]);
}
