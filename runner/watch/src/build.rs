//! Which build a project asks for.

use std::path::PathBuf;

use async_trait::async_trait;
use engine::{Build, BuildError, BuildOutput, BuildProfile, BuiltComponent};

use crate::cargo_build::CargoBuild;
use crate::command_build::CommandBuild;
use crate::commit::commit_of;
use crate::environment::Environment;
use crate::project_file::ProjectFile;

/// Returns the build that a project file asks for.
///
/// With `[build] command` that command is run; with `component` alone the file
/// is taken as something else made it; with neither, cargo builds the package
/// beside the project file.
#[must_use]
pub fn build_of(project: &ProjectFile) -> Box<dyn Build> {
    match (&project.component, &project.build_command) {
        (Some(component), Some(command)) => Box::new(CommandBuild::new(
            project.root.clone(),
            command.clone(),
            component.clone(),
            project.build_timeout,
        )),
        (Some(component), None) => Box::new(Prebuilt::new(project.root.clone(), component.clone())),
        // The project file is refused with a command and no component.
        (None, _) => Box::new(CargoBuild::new(project.root.clone(), project.build_timeout)),
    }
}

/// Takes a component that something else made.
#[derive(Debug)]
pub struct Prebuilt {
    root: PathBuf,
    component: PathBuf,
    environment: Environment,
}

impl Prebuilt {
    /// Takes `component`, relative to the folder `root`.
    #[must_use]
    pub fn new(root: PathBuf, component: PathBuf) -> Self {
        Self {
            root,
            component,
            environment: Environment::of_this_process(),
        }
    }
}

#[async_trait]
impl Build for Prebuilt {
    async fn build(
        &self,
        profile: BuildProfile,
        _output: &dyn BuildOutput,
    ) -> Result<BuiltComponent, BuildError> {
        let path = component_at(self.root.join(&self.component))?;
        Ok(BuiltComponent {
            path,
            commit: commit_of(profile, &self.root, &self.environment).await,
        })
    }
}

/// Returns the path if a file is there.
pub(crate) fn component_at(path: PathBuf) -> Result<PathBuf, BuildError> {
    match std::fs::metadata(&path) {
        Ok(found) if found.is_file() => Ok(path),
        Ok(_) => Err(BuildError::NoComponent {
            reason: format!("{} is not a file", path.display()),
        }),
        Err(error) => Err(BuildError::NoComponent {
            reason: format!("{} cannot be read: {error}", path.display()),
        }),
    }
}
