use tidegate_sdk::{Context, Result, action};

#[action]
fn nothing() -> Result<()> {
    Ok(())
}

#[action]
fn context_only(_ctx: &Context) -> Result<()> {
    Ok(())
}

#[action]
fn too_much(_ctx: &Context, _a: u8, _b: u8) -> Result<()> {
    Ok(())
}

fn main() {}
