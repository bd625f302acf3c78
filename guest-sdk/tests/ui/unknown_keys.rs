use tidegate_sdk::{Result, action, integration, webhook, workflow};

#[action(idempotant, name = "a", name = "b")]
fn ping(_input: u8) -> Result<()> {
    Ok(())
}

#[workflow(cron = "0 7 * * *")]
fn nightly() -> Result<()> {
    Ok(())
}

#[integration("shop", oauth)]
struct Shop;

struct Events;

#[webhook(signature = none, silense = "24h")]
impl Events {
    fn receive(_delivery: tidegate_sdk::Delivery) -> Result<()> {
        Ok(())
    }
}

fn main() {}
