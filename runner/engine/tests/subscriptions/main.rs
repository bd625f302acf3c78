//! Subscriptions through crashes, lost answers and refusals: a provider in
//! memory that counts, an engine that is killed, and what both hold in the end.

#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

mod guests;
mod kills;
mod model;
mod provider;
mod refreshes;
mod renames;
mod undone;
mod users;
mod world;
