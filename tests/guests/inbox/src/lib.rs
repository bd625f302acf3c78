//! Webhooks whose provider is set up by hand, and what they and others start.

use tidegate_sdk::{
    Context, Delivery, Error, Received, Reply, Result, action, app_event, data, project, webhook,
    workflow,
};

/// An order, as the shop delivers it.
#[data]
struct Order {
    id: u64,
    total_cents: u64,
}

struct Orders;

/// Orders of the shop; none is free, and one of 99 cents has to wait
#[webhook(
    secrets(SHOP_SECRET),
    signature = standard_webhooks(secret = SHOP_SECRET)
)]
impl Orders {
    fn receive(delivery: Delivery) -> Result<Order> {
        let order: Order = delivery.json()?;
        match order.total_cents {
            0 => Err(Error::final_("an order costs something")),
            99 => Err(Error::retryable("the shelf is locked")),
            _ => Ok(order),
        }
    }
}

struct Pings;

/// What is answered by the handler itself
#[webhook(
    secrets(PING_SECRET),
    signature = hmac(secret = PING_SECRET, header = "X-Ping-Signature"),
    dedupe = pointer("/id"),
    respond = sync("10s")
)]
impl Pings {
    fn receive(delivery: Delivery) -> Result<Received<String>> {
        let topic = delivery.header("x-topic").unwrap_or_default().to_owned();
        let answer = Reply::text(200, format!("pong {topic}"));
        Ok(Received::new(topic).reply(answer))
    }
}

/// Count an order; one of 13 cents is bad luck
#[workflow(trigger = webhook("orders"), on_by_default)]
fn note_order(ctx: &Context, order: Order) -> Result<u64> {
    if order.total_cents == 13 {
        return Err(Error::final_("bad luck"));
    }
    let count = ctx.kv().get("orders")?.unwrap_or(0) + 1;
    ctx.kv().set("orders", &count)?;
    Ok(count)
}

/// What happened in the product
#[app_event]
#[data]
struct Happened {
    what: String,
}

/// Note what happened
#[workflow(trigger = event("happened"), on_by_default)]
fn note(ctx: &Context, happened: Happened) -> Result<()> {
    ctx.kv().set("happened", &happened.what)
}

/// What was counted and noted
#[data]
struct Noted {
    orders: u64,
    happened: Option<String>,
}

/// Say what was counted and noted
#[action]
fn noted(ctx: &Context, _input: Nothing) -> Result<Noted> {
    Ok(Noted {
        orders: ctx.kv().get("orders")?.unwrap_or(0),
        happened: ctx.kv().get("happened")?,
    })
}

/// Nothing is asked for
#[data]
struct Nothing {}

/// Give back what came in
#[workflow(trigger = request)]
fn export(happened: Happened) -> Result<String> {
    Ok(format!("workflow {}", happened.what))
}

/// Share its name with a workflow
#[action(name = "shared")]
fn shared_action(_input: Nothing) -> Result<String> {
    Ok("action".to_owned())
}

/// Share its name with an action
#[workflow(name = "shared", trigger = request)]
fn shared_workflow() -> Result<String> {
    Ok("workflow".to_owned())
}

project!(
    Orders,
    Pings,
    note_order,
    Happened,
    note,
    noted,
    export,
    shared_action,
    shared_workflow
);
