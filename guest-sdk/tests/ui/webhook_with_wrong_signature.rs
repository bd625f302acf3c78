use tidegate_sdk::{Delivery, Result, webhook};

macro_rules! webhooks {
    ($($name:ident)*) => { $(struct $name;)* };
}
webhooks!(Undeclared Keyless Issued Unknown Template);

#[webhook(signature = github(secret = KEY))]
impl Undeclared {
    fn receive(_delivery: Delivery) -> Result<()> {
        Ok(())
    }
}

#[webhook(signature = stripe)]
impl Keyless {
    fn receive(_delivery: Delivery) -> Result<()> {
        Ok(())
    }
}

#[webhook(signature = standard_webhooks(issued))]
impl Issued {
    fn receive(_delivery: Delivery) -> Result<()> {
        Ok(())
    }
}

#[webhook(signature = gitlab(secret = KEY), secrets(KEY))]
impl Unknown {
    fn receive(_delivery: Delivery) -> Result<()> {
        Ok(())
    }
}

#[webhook(
    signature = hmac(secret = KEY, template = "{timestamp}.", digest = md5),
    secrets(KEY),
    respond = sync,
    order = both,
    dedupe = pointer("id")
)]
impl Template {
    fn receive(_delivery: Delivery) -> Result<()> {
        Ok(())
    }
}

fn main() {}
