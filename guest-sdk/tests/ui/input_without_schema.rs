use tidegate_sdk::{Result, action};

#[derive(serde::Deserialize)]
struct Input {}

#[action]
fn takes(_input: Input) -> Result<()> {
    Ok(())
}

fn main() {}
