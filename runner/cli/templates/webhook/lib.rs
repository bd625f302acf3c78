#[cfg(test)]
mod tests;

use serde_json::json;
use tidegate_sdk::{
    Context, Delivery, HookContext, Registration, Result, Subscription, action, data, project,
    webhook, workflow,
};

/// An order, as the shop delivers it.
#[data]
struct Order {
    id: u64,
    total_cents: u64,
}

/// What the shop calls our subscription.
#[data]
struct Hook {
    id: u64,
}

/// What the shop answers to a subscription.
#[data]
struct Created {
    id: u64,
    secret: String,
}

struct Orders;

/// Orders of the shop.
#[webhook(
    secrets(SHOP_TOKEN),
    variables(SHOP_URL),
    hosts("${SHOP_URL}"),
    signature = standard_webhooks(issued),
    dedupe = pointer("/id")
)]
impl Orders {
    /// What the subscription depends on: when it changes, the subscription is made anew.
    fn props(ctx: &HookContext) -> Result<String> {
        ctx.variable("SHOP_URL")
    }

    fn subscribe(
        ctx: &HookContext,
        registration: Registration<String>,
    ) -> Result<Subscription<Hook>> {
        let created: Created = ctx
            .http()
            .post(format!("{}/hooks", registration.props))
            .bearer(ctx.secret("SHOP_TOKEN")?)
            .header("Idempotency-Key", &registration.key)
            .json(&json!({ "topic": "orders", "url": registration.endpoint }))?
            .send()?
            .error_for_status()?
            .json()?;
        Ok(Subscription::new(Hook { id: created.id }).signing_secret(created.secret))
    }

    fn unsubscribe(
        ctx: &HookContext,
        registration: Registration<String>,
        hook: Hook,
    ) -> Result<()> {
        ctx.http()
            .delete(format!("{}/hooks/{}", registration.props, hook.id))
            .bearer(ctx.secret("SHOP_TOKEN")?)
            .send()?
            .error_for_status()?;
        Ok(())
    }

    /// Its result is the input of the workflows that the webhook triggers.
    fn receive(delivery: Delivery) -> Result<Order> {
        delivery.json()
    }
}

/// Notes an order and counts it.
#[workflow(trigger = webhook("orders"), on_by_default)]
fn note_order(ctx: &Context, order: Order) -> Result<u64> {
    let count = ctx.kv().get("orders")?.unwrap_or(0) + 1;
    ctx.kv().set("orders", &count)?;
    ctx.log().field("order", &order.id).info("an order came in");
    Ok(count)
}

/// What the action needs to know: nothing.
#[data]
struct Nothing {}

/// Tells how many orders came in so far.
#[action]
fn count_orders(ctx: &Context, _: Nothing) -> Result<u64> {
    Ok(ctx.kv().get("orders")?.unwrap_or(0))
}

project!(Orders, note_order, count_orders);
