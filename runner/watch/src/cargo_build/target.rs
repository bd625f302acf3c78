//! Sees to it that the compiler can compile for guests.

use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::{BuildError, BuildOutput};

use super::TARGET;
use crate::environment::Environment;
use crate::process::Invocation;

/// Looks for the target's library, and installs it if it is missing.
pub(super) async fn ensure(
    root: &Path,
    environment: &Environment,
    timeout: Duration,
    output: &dyn BuildOutput,
) -> Result<(), BuildError> {
    // Where there is no compiler to ask, cargo says so better.
    let Some(library) = library(root, environment, timeout, output).await else {
        return Ok(());
    };
    if library.is_dir() {
        return Ok(());
    }
    output.line(&format!(
        "The Rust target {TARGET} is missing: running `rustup target add {TARGET}`"
    ));
    let words = ["rustup", "target", "add", TARGET];
    let rustup = Invocation::of(&words, root.to_owned(), environment, timeout);
    let installed = rustup
        .run(|line| output.line(line), |line| output.line(line))
        .await;
    match installed {
        Ok(()) if library.is_dir() => Ok(()),
        Ok(()) => Err(missing(format!(
            "rustup installed it for another compiler than the one in use, which looks in {}; put rustup's directory first in PATH",
            library.display()
        ))),
        Err(BuildError::Start { .. }) => Err(missing(format!(
            "install it the way that Rust was installed (the compiler looks in {}), or install Rust with https://rustup.rs, which brings it by itself",
            library.display()
        ))),
        Err(error) => Err(missing(format!(
            "{error}; run `rustup target add {TARGET}` where there is a network"
        ))),
    }
}

fn missing(remedy: String) -> BuildError {
    BuildError::Missing {
        missing: format!("the Rust target {TARGET}"),
        remedy,
    }
}

/// Returns where the compiler in use would have the target's library.
async fn library(
    root: &Path,
    environment: &Environment,
    timeout: Duration,
    output: &dyn BuildOutput,
) -> Option<PathBuf> {
    let words = ["rustc", "--print", "sysroot"];
    let rustc = Invocation::of(&words, root.to_owned(), environment, timeout);
    let mut sysroot = None;
    // A toolchain that the project names may be installed by this, which takes a while and says so.
    rustc
        .run(
            |line| sysroot = Some(PathBuf::from(line)),
            |line| output.line(line),
        )
        .await
        .ok()?;
    Some(sysroot?.join("lib/rustlib").join(TARGET).join("lib"))
}
