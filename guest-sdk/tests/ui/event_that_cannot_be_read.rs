use tidegate_sdk::{app_event, uses};

#[app_event]
struct OrderPlaced {
    order: u64,
}

#[uses(project = "billing", event = "paid")]
struct Paid {}

#[uses(project = "billing", action = "charge")]
struct Charge {}

#[uses(projekt = "billing")]
struct Typo {}

fn main() {}
