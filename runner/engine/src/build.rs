//! How a component is made from source: the seam between the engine and whatever builds.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

/// How much the build may take for a faster component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildProfile {
    /// Built fast, for the dev loop.
    Dev,
    /// Built to run fast, for deploys.
    Release,
}

/// A component as the build left it.
#[derive(Debug, Clone)]
pub struct BuiltComponent {
    /// The component's file.
    pub path: PathBuf,
    /// The commit of the source, where it is under version control.
    pub commit: Option<Commit>,
}

/// The commit that a component was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The commit's full hash.
    pub hash: String,
    /// Whether the tree had changes that are not in the commit.
    pub dirty: bool,
}

/// Says why a build gave no component.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BuildError {
    /// The command could not be started.
    #[error("the build command `{command}` could not be started in {}", .directory.display())]
    Start {
        /// The command.
        command: String,
        /// Where it was to run.
        directory: PathBuf,
        /// Why not.
        source: Arc<std::io::Error>,
    },
    /// The command ended with an error; what it printed was passed on.
    #[error("the build command `{command}` failed with {status}")]
    Failed {
        /// The command.
        command: String,
        /// How it ended, in words.
        status: String,
    },
    /// The command did not end in time and was stopped.
    #[error("the build command `{command}` was stopped after {seconds} s")]
    TimedOut {
        /// The command.
        command: String,
        /// The time it had.
        seconds: u64,
    },
    /// The command ended well but made no component.
    #[error("the build made no component: {reason}")]
    NoComponent {
        /// What was looked for, and where.
        reason: String,
    },
    /// Something that the build needs is missing and could not be installed.
    #[error("{missing} is missing: {remedy}")]
    Missing {
        /// What.
        missing: String,
        /// What to do.
        remedy: String,
    },
}

/// Takes the lines that a build prints, as they come.
pub trait BuildOutput: Send + Sync {
    /// Takes one line, without its line break, as the build coloured it.
    fn line(&self, line: &str);
}

/// Makes a component from a project's source.
#[async_trait]
pub trait Build: Send + Sync {
    /// Builds once.
    ///
    /// Dropping the future ends the build and every process that it started.
    ///
    /// # Errors
    /// When no component came of it.
    async fn build(
        &self,
        profile: BuildProfile,
        output: &dyn BuildOutput,
    ) -> Result<BuiltComponent, BuildError>;
}
