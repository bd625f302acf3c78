use tidegate_sdk::{Result, action};

struct Input;

#[action]
fn takes(_input: Input) -> Result<()> {
    Ok(())
}

fn main() {}
