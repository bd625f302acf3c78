//! The sandbox through its public door, with guests written for the purpose.

#![expect(
    clippy::unwrap_used,
    reason = "what a test prepares must work, in its fixture as in itself"
)]

mod calls;
mod capabilities;
mod determinism;
mod fixture;
mod guest;
mod limits;
mod loading;
mod network;
mod traps;
