use tidegate_sdk::{Result, action};

#[action]
async fn waits(_input: u8) -> Result<()> {
    Ok(())
}

#[action]
fn generic<T>(_input: T) -> Result<()> {
    Ok(())
}

fn main() {}
