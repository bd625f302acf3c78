struct Plain;

tidegate_sdk::project!(Plain);

fn main() {}
