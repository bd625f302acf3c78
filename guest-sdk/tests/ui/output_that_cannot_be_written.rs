use tidegate_sdk::{Result, action};

struct Output;

#[action]
fn gives(_input: u8) -> Result<Output> {
    Ok(Output)
}

fn main() {}
