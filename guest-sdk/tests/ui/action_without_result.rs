use tidegate_sdk::action;

#[action]
fn plain(input: u8) -> u8 {
    input
}

#[action]
fn silent(_input: u8) {}

fn main() {}
