use tidegate_sdk::{Delivery, Result, webhook};

#[webhook(signature = none)]
fn receive(_delivery: Delivery) -> Result<()> {
    Ok(())
}

struct Events;

#[webhook(signature = none)]
impl Clone for Events {
    fn clone(&self) -> Self {
        Self
    }
}

fn main() {}
