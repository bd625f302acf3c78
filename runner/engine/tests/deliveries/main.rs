//! Deliveries from their arrival to the end of their handling, with scripted guests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answering;
mod crashes;
mod receiving;
mod shown;
mod subscribed;
mod world;
