use tidegate_sdk::{Check, Delivery, Registration, Result, Subscription, webhook};

struct Disagreeing;

#[webhook(signature = none)]
impl Disagreeing {
    fn props() -> Result<String> {
        Ok(String::new())
    }

    fn subscribe(_registration: Registration<u8>) -> Result<Subscription<u64>> {
        Ok(Subscription::new(1))
    }

    fn unsubscribe(_registration: Registration<String>, _id: String) -> Result<()> {
        Ok(())
    }

    fn check(_registration: Registration<String>, _id: Option<u8>) -> Result<Check<u64>> {
        Ok(Check::Absent)
    }

    fn receive(_delivery: Delivery) -> Result<()> {
        Ok(())
    }
}

fn main() {}
