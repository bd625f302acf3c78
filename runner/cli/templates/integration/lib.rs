#[cfg(test)]
mod tests;

use serde_json::json;
use tidegate_sdk::{Context, Result, action, data, integration, project, workflow};

/// The team's shop, as each user sets it up.
#[integration(auth = api_key("Key of the shop"))]
struct Shop {
    /// Address that the summary goes to
    summary_to: String,
    #[setting(title = "Currency", choices("EUR", "USD"), default = "EUR")]
    currency: String,
}

#[data]
struct Refund {
    order: u64,
    cents: u64,
}

#[data]
struct Refunded {
    id: u64,
}

/// Refunds a part of an order.
#[action(
    integration = "shop",
    variables(SHOP_URL = "https://shop.example"),
    hosts("${SHOP_URL}"),
    timeout = "10s"
)]
fn refund(ctx: &Context, input: Refund) -> Result<Refunded> {
    let shop: Shop = ctx.settings()?;
    let base = ctx.variable("SHOP_URL")?;
    let url = format!("{base}/orders/{}/refunds", input.order);
    let refunded = ctx
        .http()
        .post(url)
        .bearer(ctx.credential()?.get("api_key")?)
        .header("Idempotency-Key", ctx.idempotency_key())
        .json(&json!({ "cents": input.cents, "currency": shop.currency }))?
        .send()?
        .error_for_status()?
        .json()?;
    let refunds: u64 = ctx.kv().get("refunds")?.unwrap_or(0);
    ctx.kv().set("refunds", &(refunds + 1))?;
    Ok(refunded)
}

/// Says each morning how many refunds there were since the last.
#[workflow(
    integration = "shop",
    trigger = schedule("0 7 * * *", time_zone = "Europe/Berlin", catch_up = skip),
    on_by_default
)]
fn daily_summary(ctx: &Context) -> Result<String> {
    let shop: Shop = ctx.settings()?;
    let refunds: u64 = ctx.kv().get("refunds")?.unwrap_or(0);
    ctx.kv().delete("refunds")?;
    ctx.log().field("refunds", &refunds).info("summary made");
    Ok(format!("To {}: {refunds} refunds", shop.summary_to))
}

project!(Shop, refund, daily_summary);
