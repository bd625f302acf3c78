use tidegate_sdk::{Context, Delivery, HookContext, Registration, Result, Subscription, webhook};

struct Misspelt;

#[webhook(signature = none)]
impl Misspelt {
    fn recieve(_delivery: Delivery) -> Result<()> {
        Ok(())
    }
}

struct Misshapen;

#[webhook(signature = none)]
impl Misshapen {
    fn props(&self) -> Result<u8> {
        Ok(1)
    }

    fn subscribe() -> Result<Subscription<u64>> {
        Ok(Subscription::new(1))
    }

    fn unsubscribe(_registration: Registration<u8>) -> Result<()> {
        Ok(())
    }

    fn receive(_ctx: &Context) -> Result<()> {
        Ok(())
    }
}

struct WrongContext;

#[webhook(signature = none)]
impl WrongContext {
    // A hook belongs to no run.
    fn props(_ctx: &Context) -> Result<u8> {
        Ok(1)
    }

    fn subscribe(_ctx: &HookContext, _r: Registration<u8>) -> Result<Subscription<u64>> {
        Ok(Subscription::new(1))
    }

    fn unsubscribe(_r: Registration<u8>, _id: u64) -> Result<()> {
        Ok(())
    }

    fn receive(_delivery: Delivery) -> Result<()> {
        Ok(())
    }
}

fn main() {}
