use tidegate_sdk::action;

#[action]
struct NoFunction;

fn main() {}
