//! Builds a Rust package with cargo.

mod message;
mod target;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use engine::{Build, BuildError, BuildOutput, BuildProfile, BuiltComponent};

use crate::commit::commit_of;
use crate::environment::Environment;
use crate::process::Invocation;
use message::{Components, Message};

/// The target that guests are compiled for.
const TARGET: &str = "wasm32-wasip2";

/// Builds the package in a folder with `cargo build --target wasm32-wasip2`.
///
/// The target is installed with rustup if it is missing. Variables of the host
/// that would change how the guest is compiled are kept from cargo.
#[derive(Debug)]
pub struct CargoBuild {
    root: PathBuf,
    timeout: Duration,
    environment: Environment,
    /// Looked for once: it takes as long as an unchanged build.
    target_found: AtomicBool,
}

impl CargoBuild {
    /// Takes the folder with the package's `Cargo.toml`.
    #[must_use]
    pub fn new(root: PathBuf, timeout: Duration) -> Self {
        Self::within(Environment::of_this_process(), root, timeout)
    }

    fn within(environment: Environment, root: PathBuf, timeout: Duration) -> Self {
        Self {
            root,
            timeout,
            environment: environment.with("CARGO_TERM_PROGRESS_WHEN", "never"),
            target_found: AtomicBool::new(false),
        }
    }

    async fn ensure_target(&self, output: &dyn BuildOutput) -> Result<(), BuildError> {
        if !self.target_found.load(Ordering::Relaxed) {
            target::ensure(&self.root, &self.environment, self.timeout, output).await?;
            self.target_found.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn run(
        &self,
        profile: BuildProfile,
        manifest: &Path,
        output: &dyn BuildOutput,
    ) -> Result<PathBuf, BuildError> {
        let mut words = vec!["cargo", "build", "--target", TARGET];
        match profile {
            BuildProfile::Dev => {}
            BuildProfile::Release => words.push("--release"),
        }
        let shown = words.join(" ");
        words.extend([
            "--message-format=json-diagnostic-rendered-ansi",
            "--color=always",
        ]);
        let invocation = Invocation {
            shown,
            ..Invocation::of(&words, self.root.clone(), &self.environment, self.timeout)
        };
        let mut components = Components::of(manifest);
        let on_stdout = |line: &str| match Message::read(line) {
            Message::Diagnostic(rendered) => rendered.lines().for_each(|line| output.line(line)),
            Message::Artifact(artifact) => components.add(artifact),
            Message::Other => {}
            Message::Text => output.line(line),
        };
        invocation
            .run(on_stdout, |line| output.line(line))
            .await
            .map_err(missing_cargo)?;
        components.only()
    }
}

#[async_trait]
impl Build for CargoBuild {
    async fn build(
        &self,
        profile: BuildProfile,
        output: &dyn BuildOutput,
    ) -> Result<BuiltComponent, BuildError> {
        let manifest = self.root.join("Cargo.toml");
        let manifest = manifest.canonicalize().map_err(|error| BuildError::Missing {
            missing: format!("{} ({error})", manifest.display()),
            remedy: "give `component`, and `[build] command` if a command makes it, in tidegate.toml to build with something other than cargo".to_owned(),
        })?;
        self.ensure_target(output).await?;
        let (commit, path) = tokio::join!(
            commit_of(profile, &self.root, &self.environment),
            self.run(profile, &manifest, output),
        );
        Ok(BuiltComponent {
            path: path?,
            commit,
        })
    }
}

/// Says what to do when there is no cargo.
fn missing_cargo(error: BuildError) -> BuildError {
    match error {
        BuildError::Start {
            source, directory, ..
        } if source.kind() == std::io::ErrorKind::NotFound && directory.is_dir() => {
            BuildError::Missing {
                missing: "cargo".to_owned(),
                remedy: "install Rust with https://rustup.rs".to_owned(),
            }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
