use tidegate_sdk::{Result, action, data, project};

#[data]
struct Input {
    name: String,
}

#[data]
struct Output {
    greeting: String,
}

/// Greets somebody.
#[action]
fn greet(input: Input) -> Result<Output> {
    let greeting = format!("Hello, {}!", input.name);
    Ok(Output { greeting })
}

project!(greet);
