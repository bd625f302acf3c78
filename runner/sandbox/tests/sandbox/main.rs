//! The sandbox through its public door, with guests written for the purpose.

mod calls;
mod capabilities;
mod determinism;
mod fixture;
mod guest;
mod limits;
mod loading;
mod network;
mod traps;
