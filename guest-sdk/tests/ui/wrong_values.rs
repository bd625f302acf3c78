use tidegate_sdk::{Result, action, workflow};

#[action(
    name = "no spaces",
    timeout = "10",
    idempotent = true,
    secrets(TOKEN(subscription), TOKEN, KEY = "default"),
    variables(REGION(maybe)),
    hosts("${URL}", API)
)]
fn ping(_input: u8) -> Result<()> {
    Ok(())
}

#[workflow(trigger = schedule("7 o'clock"))]
fn nightly() -> Result<()> {
    Ok(())
}

#[workflow(trigger = webhok("events"))]
fn on_event() -> Result<()> {
    Ok(())
}

#[workflow(trigger = schedule("0 7 * * *", catch_up = twice))]
fn weekly() -> Result<()> {
    Ok(())
}

fn main() {}
