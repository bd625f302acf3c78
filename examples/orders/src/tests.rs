//! What the project does, with users and the shop scripted.

use crate::{Notice, OrderPlaced, RefundOrder, Summary, daily_summary, notify_warehouse, refund};
use serde_json::json;
use tidegate_sdk::test::{self, Answer, Context};

fn user() -> Context {
    Context::of::<notify_warehouse>()
        .with_user("user-1")
        .with_setting("warehouse", "north@example.com")
        .with_setting("language", "de")
}

fn order(order: u64, amount_cents: u64) -> OrderPlaced {
    OrderPlaced {
        order,
        amount_cents,
    }
}

#[test]
fn the_warehouse_is_told_in_the_users_language() {
    let notice = notify_warehouse(&user(), order(7, 100)).expect("told");
    let expected = Notice {
        to: "north@example.com".to_owned(),
        text: "Bestellung 7 ist eingegangen.".to_owned(),
    };
    assert_eq!(notice, Some(expected));
}

#[test]
fn an_order_below_the_threshold_is_counted_only() {
    let ctx = user().with_setting("threshold_cents", &500);
    assert_eq!(
        notify_warehouse(&ctx, order(7, 499)).expect("counted"),
        None
    );
    assert!(
        notify_warehouse(&ctx, order(8, 500))
            .expect("told")
            .is_some()
    );
    let counted: Summary = ctx.kv().get("summary").expect("read").expect("there");
    assert_eq!(
        counted,
        Summary {
            orders: 2,
            amount_cents: 999
        }
    );
}

#[test]
fn a_required_setting_that_is_missing_is_named() {
    let ctx = Context::of::<notify_warehouse>().with_user("user-1");
    let error = notify_warehouse(&ctx, order(7, 100)).expect_err("no warehouse");
    assert!(error.to_string().contains("`warehouse`"), "{error}");
}

#[test]
fn a_summary_begins_anew_each_day() {
    let ctx = Context::of::<daily_summary>()
        .with_kv("summary", &json!({ "orders": 2, "amount_cents": 999 }));
    assert_eq!(daily_summary(&ctx).expect("summed up").orders, 2);
    assert_eq!(daily_summary(&ctx).expect("summed up"), Summary::default());
}

#[test]
fn a_refund_carries_the_runs_key() {
    let ctx = Context::of::<refund>()
        .with_secret("SHOP_API_KEY", "key")
        .with_idempotency_key("run-1")
        .answer(
            "POST",
            "https://shop.example/orders/7/refunds",
            Answer::json(201, &json!({ "id": "r-1" })),
        );
    let input = RefundOrder {
        order: 7,
        amount_cents: Some(100),
    };
    assert_eq!(refund(&ctx, input).expect("refunded").id, "r-1");
    let sent = &ctx.requests()[0];
    assert_eq!(sent.header("x-api-key"), Some("key"));
    assert_eq!(sent.header("idempotency-key"), Some("run-1"));
    assert_eq!(sent.json(), json!({ "amount_cents": 100 }));
}

#[test]
fn a_refund_of_nothing_is_refused_before_any_request() {
    let ctx = Context::of::<refund>();
    let error = refund(
        &ctx,
        RefundOrder {
            order: 7,
            amount_cents: Some(0),
        },
    );
    assert!(error.is_err_and(|error| !error.is_retryable()));
    assert!(ctx.requests().is_empty());
}

#[test]
fn the_project_declares_what_it_is() {
    let list = test::collect(&crate::project()).expect("no fault");
    assert_eq!(list.names("integration"), ["shop"]);
    assert_eq!(list.names("app-event"), ["order-placed"]);
    assert_eq!(
        list.names("workflow"),
        ["notify-warehouse", "daily-summary"]
    );
    assert_eq!(list.names("action"), ["refund"]);
    assert_eq!(
        list.object("workflow", "notify-warehouse")["on_by_default"],
        true
    );
    let settings = &list.object("integration", "shop")["settings"];
    let required: Vec<_> = (0..3).map(|at| settings[at]["required"] == true).collect();
    assert_eq!(required, [true, false, false]);
}
