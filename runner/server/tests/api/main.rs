//! The server over real connections, on a real engine with a real guest.

#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

mod artifacts;
mod changes;
mod deploys;
mod guard;
mod hooks;
mod runs;
mod values;
mod world;
