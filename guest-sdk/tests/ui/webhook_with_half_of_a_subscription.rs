use tidegate_sdk::{Delivery, Registration, Result, Subscription, webhook};

struct Half;

#[webhook(signature = none)]
impl Half {
    fn subscribe(_registration: Registration<()>) -> Result<Subscription<u64>> {
        Ok(Subscription::new(1))
    }

    fn receive(_delivery: Delivery) -> Result<()> {
        Ok(())
    }
}

struct CheckAlone;

#[webhook(signature = none, secrets(KEY(subscription)))]
impl CheckAlone {
    fn check(
        _registration: Registration<()>,
        _known: Option<u64>,
    ) -> Result<tidegate_sdk::Check<u64>> {
        Ok(tidegate_sdk::Check::Absent)
    }

    fn receive(_delivery: Delivery) -> Result<()> {
        Ok(())
    }
}

fn main() {}
