//! The store's behaviour, against real SQLite in a directory of each test's own.

mod applying;
mod artifacts;
mod deliveries;
mod directories;
mod fixture;
mod journal;
mod leases;
mod model;
mod queueing;
mod records;
mod replacing;
mod scheduling;
mod schema;
mod secrets;
mod values;
