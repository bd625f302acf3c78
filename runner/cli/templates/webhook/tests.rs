use serde_json::json;
use tidegate_sdk::test::{self, Answer, Context};

use super::{Hook, Orders, project};

const SHOP: &str = "https://shop.example";

/// A context in which the shop knows us.
fn context() -> Context {
    Context::of::<Orders>()
        .with_secret("SHOP_TOKEN", "t0p-s3cret")
        .with_variable("SHOP_URL", SHOP)
}

#[test]
fn subscribing_tells_the_shop_where_to_deliver() {
    let created = Answer::json(201, &json!({ "id": 7, "secret": "whsec" }));
    let ctx = context().answer("POST", "https://shop.example/hooks", created);
    let registration = test::registration(SHOP.to_owned());
    let endpoint = registration.endpoint.clone();
    let subscription = Orders::subscribe(&ctx, registration).expect("subscribed");
    assert_eq!(subscription.unsubscribe_props().id, 7);
    assert_eq!(ctx.requests()[0].json()["url"], endpoint.as_str());
}

#[test]
fn unsubscribing_takes_the_hook_away() {
    let url = "https://shop.example/hooks/7";
    let ctx = context().answer("DELETE", url, Answer::status(204));
    let registration = test::registration(SHOP.to_owned());
    Orders::unsubscribe(&ctx, registration, Hook { id: 7 }).expect("unsubscribed");
    assert_eq!(ctx.requests().len(), 1);
}

#[test]
fn a_delivery_becomes_the_order_that_the_workflow_notes() {
    let delivery = test::delivery(r#"{"id": 12, "total_cents": 990}"#);
    let order = Orders::receive(delivery).expect("understood");
    let ctx = Context::new().with_kv("orders", &2);
    let input = json!({ "id": order.id, "total_cents": order.total_cents });
    let count = test::run_workflow(&project(), "note-order", &ctx, &input);
    assert_eq!(count.expect("noted"), 3);
}

#[test]
fn orders_are_counted() {
    let ctx = Context::new().with_kv("orders", &3);
    let count = test::run_action(&project(), "count-orders", &ctx, &json!({}));
    assert_eq!(count.expect("counted"), 3);
}

#[test]
fn declares_what_is_meant_to_be_deployed() {
    let list = test::collect(&project()).expect("no fault");
    assert_eq!(list.names("webhook"), ["orders"]);
    assert_eq!(list.names("workflow"), ["note-order"]);
    assert_eq!(list.names("action"), ["count-orders"]);
}
