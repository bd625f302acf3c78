//! Runs that wait: retried, given up, cancelled, cut short, and started by
//! schedules and events, on a clock that goes on only when a test says so.

#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

mod attempts;
mod crashes;
mod guests;
mod hand_over;
mod starts;
mod stopping;
mod world;
