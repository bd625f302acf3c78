//! What the host offers to guests besides WASI: one capability per module.

pub(crate) mod kv;
mod log;
mod users;
mod values;
