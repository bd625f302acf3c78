//! The server over real connections, on a real engine with a real guest.

mod artifacts;
mod changes;
mod deploys;
mod guard;
mod runs;
mod values;
mod world;
