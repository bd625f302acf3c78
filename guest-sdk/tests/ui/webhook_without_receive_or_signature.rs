use tidegate_sdk::{Delivery, Result, webhook};

struct Deaf;

#[webhook(signature = none)]
impl Deaf {}

struct Unsigned;

#[webhook]
impl Unsigned {
    fn receive(_delivery: Delivery) -> Result<()> {
        Ok(())
    }
}

fn main() {}
