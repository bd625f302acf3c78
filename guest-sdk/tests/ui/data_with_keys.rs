use tidegate_sdk::data;

#[data(clone)]
struct Input {
    name: String,
}

#[data]
fn function() {}

fn main() {}
