//! Builds with a command of the project's own.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use engine::{Build, BuildError, BuildOutput, BuildProfile, BuiltComponent};

use crate::build::component_at;
use crate::commit::commit_of;
use crate::environment::Environment;
use crate::process::Invocation;

/// Builds with a command that `sh` runs in the project's folder.
///
/// The command finds `TIDEGATE_BUILD_PROFILE` set to `dev` or `release`. It
/// must leave the component where the project file says; a file that is
/// already there and up to date is as good as a new one.
#[derive(Debug)]
pub struct CommandBuild {
    root: PathBuf,
    command: String,
    component: PathBuf,
    timeout: Duration,
    environment: Environment,
}

impl CommandBuild {
    /// Takes the command and the component that it makes, relative to the folder `root`.
    #[must_use]
    pub fn new(root: PathBuf, command: String, component: PathBuf, timeout: Duration) -> Self {
        Self {
            root,
            command,
            component,
            timeout,
            environment: Environment::of_this_process(),
        }
    }

    async fn run(&self, profile: BuildProfile, output: &dyn BuildOutput) -> Result<(), BuildError> {
        let profile = match profile {
            BuildProfile::Dev => "dev",
            BuildProfile::Release => "release",
        };
        let environment = self
            .environment
            .clone()
            .with("TIDEGATE_BUILD_PROFILE", profile);
        let invocation = Invocation {
            words: vec!["sh".into(), "-c".into(), self.command.clone().into()],
            shown: self.command.clone(),
            directory: self.root.clone(),
            environment: &environment,
            timeout: self.timeout,
        };
        invocation
            .run(|line| output.line(line), |line| output.line(line))
            .await
    }
}

#[async_trait]
impl Build for CommandBuild {
    async fn build(
        &self,
        profile: BuildProfile,
        output: &dyn BuildOutput,
    ) -> Result<BuiltComponent, BuildError> {
        // Asked first: what the command changes is not what it was built from.
        let commit = commit_of(profile, &self.root, &self.environment).await;
        self.run(profile, output).await?;
        Ok(BuiltComponent {
            path: component_at(self.root.join(&self.component))?,
            commit,
        })
    }
}
