use serde_json::json;
use tidegate_sdk::test::{self, Answer, Context};

use super::project;

/// A context in which a user has connected the shop.
fn connected(ctx: Context) -> Context {
    ctx.with_user("user-1")
        .with_setting("summary_to", "ada@example.com")
        .with_setting("currency", "USD")
        .with_credential(&json!({ "api_key": "k3y" }))
}

#[test]
fn a_refund_is_made_in_the_users_currency() {
    let url = "https://shop.example/orders/12/refunds";
    let ctx = connected(Context::of::<super::refund>())
        .with_variable("SHOP_URL", "https://shop.example")
        .answer("POST", url, Answer::json(201, &json!({ "id": 7 })));
    let input = json!({ "order": 12, "cents": 500 });
    let output = test::run_action(&project(), "refund", &ctx, &input);
    assert_eq!(output.expect("refunded"), json!({ "id": 7 }));
    assert_eq!(ctx.requests()[0].json()["currency"], "USD");
    assert_eq!(ctx.kv().get::<u64>("refunds").expect("readable"), Some(1));
}

#[test]
fn the_summary_counts_refunds_and_begins_anew() {
    let ctx = connected(Context::of::<super::daily_summary>()).with_kv("refunds", &3);
    let output = test::run_workflow(&project(), "daily-summary", &ctx, &json!(null));
    assert_eq!(output.expect("made"), "To ada@example.com: 3 refunds");
    assert_eq!(ctx.kv().get::<u64>("refunds").expect("readable"), None);
}

#[test]
fn declares_what_is_meant_to_be_deployed() {
    let list = test::collect(&project()).expect("no fault");
    assert_eq!(list.names("integration"), ["shop"]);
    assert_eq!(list.names("action"), ["refund"]);
    assert_eq!(list.names("workflow"), ["daily-summary"]);
}
