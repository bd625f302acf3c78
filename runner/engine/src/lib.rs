//! The use cases of Tidegate: deploy, plan, steps and runs.

mod build;

pub use build::{Build, BuildError, BuildOutput, BuildProfile, BuiltComponent, Commit};
