//! A shop: users connect it, the product reports orders, workflows act on them.

#[cfg(test)]
mod tests;

use tidegate_sdk::{Context, Error, Result, action, app_event, data, integration, workflow};

/// The shop of a connected user.
#[integration(name = "shop", auth = api_key("API key of the shop"))]
pub struct Shop {
    /// E-mail address of the warehouse
    pub warehouse: String,
    #[setting(title = "Language of messages", choices("de", "en"), default = "en")]
    pub language: String,
    /// Orders below this amount, in cents, need no message
    pub threshold_cents: Option<u64>,
}

/// An order was placed
#[app_event]
#[data]
pub struct OrderPlaced {
    /// The shop's number of it.
    pub order: u64,
    /// What it costs.
    pub amount_cents: u64,
}

/// What was sent to the warehouse.
#[data]
#[derive(Debug, PartialEq)]
pub struct Notice {
    /// The warehouse's address.
    pub to: String,
    /// The text, in the user's language.
    pub text: String,
}

/// Tell the warehouse of an order
#[workflow(integration = "shop", trigger = event("order-placed"), on_by_default)]
pub fn notify_warehouse(ctx: &Context, placed: OrderPlaced) -> Result<Option<Notice>> {
    let shop: Shop = ctx.settings()?;
    count(ctx, &placed)?;
    if placed.amount_cents < shop.threshold_cents.unwrap_or(0) {
        ctx.log()
            .field("order", &placed.order)
            .info("below the threshold");
        return Ok(None);
    }
    let order = placed.order;
    let text = match shop.language.as_str() {
        "de" => format!("Bestellung {order} ist eingegangen."),
        _ => format!("Order {order} was placed."),
    };
    Ok(Some(Notice {
        to: shop.warehouse,
        text,
    }))
}

/// The orders since the last summary.
#[data]
#[derive(Debug, Default, PartialEq)]
pub struct Summary {
    /// How many there were.
    pub orders: u64,
    /// What they cost together.
    pub amount_cents: u64,
}

const SUMMARY: &str = "summary";

fn count(ctx: &Context, placed: &OrderPlaced) -> Result<()> {
    let mut summary: Summary = ctx.kv().get(SUMMARY)?.unwrap_or_default();
    summary.orders += 1;
    summary.amount_cents = summary.amount_cents.saturating_add(placed.amount_cents);
    ctx.kv().set(SUMMARY, &summary)
}

/// Sum up the day's orders
#[workflow(trigger = schedule("0 18 * * *", time_zone = "Europe/Berlin", catch_up = once))]
pub fn daily_summary(ctx: &Context) -> Result<Summary> {
    let summary: Summary = ctx.kv().get(SUMMARY)?.unwrap_or_default();
    ctx.kv().delete(SUMMARY)?;
    ctx.log().field("orders", &summary.orders).info("summed up");
    Ok(summary)
}

/// An order's refund.
#[data]
pub struct RefundOrder {
    /// The shop's number of the order.
    pub order: u64,
    /// How much of it; all of it if left out.
    pub amount_cents: Option<u64>,
}

/// The refund as the shop knows it.
#[data]
pub struct Refund {
    /// The shop's id of the refund.
    pub id: String,
}

#[data]
struct RefundRequest {
    amount_cents: Option<u64>,
}

/// Refund an order
#[action(
    integration = "shop",
    secrets(SHOP_API_KEY),
    variables(SHOP_URL = "https://shop.example"),
    hosts("${SHOP_URL}"),
    timeout = "15s",
    idempotent
)]
pub fn refund(ctx: &Context, input: RefundOrder) -> Result<Refund> {
    if input.amount_cents == Some(0) {
        return Err(Error::final_("a refund is at least one cent"));
    }
    let url = format!(
        "{}/orders/{}/refunds",
        ctx.variable("SHOP_URL")?,
        input.order
    );
    ctx.http()
        .post(url)
        .secret_header("X-Api-Key", &ctx.secret("SHOP_API_KEY")?)
        .header("Idempotency-Key", ctx.idempotency_key())
        .json(&RefundRequest {
            amount_cents: input.amount_cents,
        })?
        .send()?
        .error_for_status()?
        .json()
}

tidegate_sdk::project!(Shop, OrderPlaced, notify_warehouse, daily_summary, refund);
