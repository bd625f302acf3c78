//! Measures what is promised about speed, each figure side by side with its floor:
//!
//!     cargo run --release -p tidegate-bench [-- apply collect call load plan journal save]
//!
//! Ours and the floor take turns within one run, and medians are compared, so
//! that the ratio holds on any machine. The program ends with 1 if a promise
//! is not kept.

#![expect(
    clippy::print_stdout,
    reason = "a program for people, to be read in a terminal"
)]

mod apply;
mod bare;
mod call;
mod collect;
mod component;
mod directory;
mod guest_code;
mod journal;
mod load;
mod machine;
mod measure;
mod plan;
mod project;
mod save;
mod scene;
mod table;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use table::Row;

type Part = (&'static str, fn() -> Result<Vec<Row>>);

const PARTS: [Part; 7] = [
    ("apply", apply::measure),
    ("collect", collect::measure),
    ("call", call::measure),
    ("load", load::measure),
    ("plan", plan::measure),
    ("journal", journal::measure),
    ("save", save::measure),
];

fn main() -> Result<ExitCode> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for name in &wanted {
        ensure!(
            PARTS.iter().any(|(part, _)| part == name),
            "there is no part `{name}`; there are {}",
            PARTS.map(|(part, _)| part).join(", ")
        );
    }
    ensure!(
        !cfg!(debug_assertions),
        "only a release build is worth measuring: cargo run --release -p tidegate-bench"
    );
    println!("{}\n\n{}", machine::facts(), table::header());
    let mut kept = true;
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|part| part == name) {
            for row in measure()? {
                println!("{row}");
                kept &= row.is_kept() != Some(false);
            }
        }
    }
    Ok(if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
