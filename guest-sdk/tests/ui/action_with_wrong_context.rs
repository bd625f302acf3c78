use tidegate_sdk::{Result, action};

#[action]
fn wrong_context(_ctx: &String, _input: u8) -> Result<()> {
    Ok(())
}

fn main() {}
