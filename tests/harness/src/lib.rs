//! What black-box tests are made with: the real program in an environment of
//! its own, guests built once, and a provider that is a process of its own.
//!
//! It knows the program by its command line alone and must never depend on
//! one of its crates.

mod capture;
mod component;
mod condition;
mod dev;
mod environment;
mod guests;
mod invocation;
mod kills;
mod outcome;
mod programs;
mod project;
mod provider;
mod random;
mod request;
mod scripted;
mod search;
mod source;
mod terminal;

pub use component::{set_table_size, with_settings};
pub use condition::{DEADLINE, eventually};
pub use dev::Dev;
pub use environment::{TestEnvironment, tool_variables};
pub use guests::{
    bare, build_variant, example_directory, github, guest_directory, hello, hooks20, hostile,
    inbox, orders,
};
pub use invocation::{Invocation, Running};
pub use kills::{Counts, KillTest, Knowledge, kill_deploys};
pub use outcome::Outcome;
pub use project::Project;
pub use provider::{Call, Hook, Issue, Ledger, Provider};
pub use random::Random;
pub use request::{Answer, post, request};
pub use rustix::process::Signal;
pub use scripted::Scripted;
pub use search::{Occurrence, occurrences};
pub use source::{copy_example, edit};
pub use terminal::Terminal;
