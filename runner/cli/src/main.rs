//! The `tidegate` program.
//!
//! Commands parse, ask the engine once, and show what it answered. Nothing is
//! decided here about deploys, and nothing but the shell prints.

mod cli;
mod client;
mod commands;
mod context;
mod document;
mod door;
mod error;
mod input;
mod outcome;
mod progress;
mod render;
mod shell;
mod signals;
mod template;
mod text;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(std::env::args_os().collect())
}
