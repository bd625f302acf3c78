//! What a command works with: the shell, the project and the engine.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use domain::{EnvironmentName, Limits, ProjectName, Timestamp};
use engine::{BuildProfile, Clock as _, Code, Engine, Observer, Owner, Settings, SystemClock};
use watch::{ProjectFile, ProjectFileError, find_project};

use crate::cli::Globals;
use crate::error::CliError;
use crate::progress::Progress;
use crate::shell::Shell;

/// The folder of a project's state, in the project.
pub(crate) const DATA_FOLDER: &str = ".tidegate";

/// How long a command waits for another process to leave the data directory.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The environment that a command works on.
#[derive(Debug, Clone, Args)]
pub(crate) struct EnvironmentArg {
    /// The environment [default: the only one where the project is live]
    #[arg(short, long, value_name = "ENVIRONMENT")]
    pub(crate) env: Option<EnvironmentName>,
}

/// What every command gets.
pub(crate) struct Context {
    pub(crate) shell: Arc<Shell>,
    globals: Globals,
    ends_itself: AtomicBool,
}

impl Context {
    /// Makes the context of one command.
    pub(crate) fn new(shell: Arc<Shell>, globals: Globals) -> Self {
        Self {
            shell,
            globals,
            ends_itself: AtomicBool::new(false),
        }
    }

    /// Says that the command takes an interrupt itself, to end in good order;
    /// a second one ends it at once.
    pub(crate) fn end_myself(&self) {
        self.ends_itself.store(true, Ordering::Release);
    }

    /// Returns whether the command takes an interrupt itself.
    pub(crate) fn ends_itself(&self) -> bool {
        self.ends_itself.load(Ordering::Acquire)
    }

    /// Returns whether somebody is there to be asked, and wants to be.
    pub(crate) fn may_ask(&self) -> bool {
        !self.globals.no_input && io::stdin().is_terminal()
    }

    /// Returns the current time.
    pub(crate) fn now(&self) -> Timestamp {
        SystemClock::default().now()
    }

    /// Returns the directory that `--path` names.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.globals.path.as_deref()
    }

    /// Returns something that shows what happens.
    pub(crate) fn progress(&self) -> Progress {
        Progress::new(Arc::clone(&self.shell))
    }

    /// Reads the project file that the command was given or stands in.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn project_file(&self, folder: Option<&Path>) -> Result<ProjectFile, CliError> {
        find_project(&self.start(folder)?).map_err(project_error)
    }

    /// Finds the project and its state, and opens the engine on it.
    pub(crate) async fn open(
        &self,
        folder: Option<&Path>,
        command: &str,
    ) -> Result<Session<'_>, CliError> {
        self.open_for(folder, command, BuildProfile::Release).await
    }

    /// Finds the project and its state, and opens an engine that compiles in this way.
    pub(crate) async fn open_for(
        &self,
        folder: Option<&Path>,
        command: &str,
        profile: BuildProfile,
    ) -> Result<Session<'_>, CliError> {
        let start = self.start(folder)?;
        let given = folder.is_some() || self.globals.path.is_some();
        let file = match find_project(&start) {
            Ok(file) => Some(file),
            Err(ProjectFileError::NotFound { .. }) if self.globals.data.is_some() && !given => None,
            Err(error) => return Err(project_error(error)),
        };
        let data_dir = match (&self.globals.data, &file) {
            (Some(data), _) => data.clone(),
            (None, Some(file)) => file.root.join(DATA_FOLDER),
            (None, None) => start.join(DATA_FOLDER),
        };
        let project_limits = match &file {
            Some(file) => file.limits.lower(&Limits::unlimited()),
            None => Limits::unlimited(),
        };
        let engine = Engine::open(Settings {
            project_limits,
            profile,
            ..Settings::new(data_dir, actor(), command)
        })
        .await?;
        Ok(Session {
            context: self,
            engine,
            file,
        })
    }

    fn start(&self, folder: Option<&Path>) -> Result<PathBuf, CliError> {
        match (folder, self.globals.path.as_deref()) {
            (Some(folder), Some(path)) if folder != path => Err(CliError::usage(format!(
                "both {} and `--path {}` name the project's directory",
                folder.display(),
                path.display()
            ))),
            (Some(path), _) | (None, Some(path)) => Ok(path.to_owned()),
            (None, None) => std::env::current_dir().map_err(|error| {
                CliError::because(
                    Code::ProjectNotFound,
                    "there is no current directory",
                    &error,
                )
            }),
        }
    }
}

/// Returns the error of a project file that cannot be used.
pub(crate) fn project_error(error: ProjectFileError) -> CliError {
    match error {
        ProjectFileError::NotFound { .. } => {
            CliError::new(Code::ProjectNotFound, error.to_string())
                .hint("give the project's directory with `--path DIR`")
                .hint("`tidegate new NAME` makes a project")
        }
        ProjectFileError::Read { ref source, .. } => {
            CliError::because(Code::ProjectNotFound, error.to_string(), source)
        }
        ProjectFileError::Invalid { .. } => {
            CliError::new(Code::ProjectFileInvalid, error.to_string())
        }
    }
}

/// A project's state, open for reading.
pub(crate) struct Session<'a> {
    context: &'a Context,
    pub(crate) engine: Engine,
    /// The project file, where the command stands in a project.
    pub(crate) file: Option<ProjectFile>,
}

impl Session<'_> {
    /// Returns the project: the one named, that of the project file, or the only one there is.
    pub(crate) async fn project(&self) -> Result<ProjectName, CliError> {
        if let Some(name) = &self.context.globals.project {
            return Ok(name.clone());
        }
        if let Some(file) = &self.file {
            return Ok(file.name.clone());
        }
        let mut projects = self.engine.projects().await?;
        match (projects.pop(), projects.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(CliError::new(
                Code::ProjectNotFound,
                "there is no tidegate.toml here or above, and the store holds no project",
            )
            .hint("give the project's directory with `--path DIR`")),
            (Some(last), false) => {
                projects.push(last);
                let names: Vec<&str> = projects.iter().map(ProjectName::as_str).collect();
                Err(CliError::new(
                    Code::ProjectNotFound,
                    format!("the store holds several projects: {}", names.join(", ")),
                )
                .hint("say which with `--project NAME`"))
            }
        }
    }

    /// Returns the environment: the one given, or the only one where the project is live.
    pub(crate) async fn environment(
        &self,
        project: &ProjectName,
        given: &EnvironmentArg,
    ) -> Result<EnvironmentName, CliError> {
        if let Some(name) = &given.env {
            return Ok(name.clone());
        }
        let mut live = self.engine.live_environments(project).await?;
        match (live.pop(), live.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(CliError::new(
                Code::EnvironmentRequired,
                format!("{project} is live in no environment yet"),
            )
            .hint("say which is meant with `--env NAME`")),
            (Some(last), false) => {
                live.push(last);
                let names: Vec<&str> = live.iter().map(EnvironmentName::as_str).collect();
                Err(CliError::new(
                    Code::EnvironmentRequired,
                    format!(
                        "{project} is live in several environments: {}",
                        names.join(", ")
                    ),
                )
                .hint("say which is meant with `--env NAME`"))
            }
        }
    }

    /// Returns the project and the environment that the command works on.
    pub(crate) async fn place(
        &self,
        given: &EnvironmentArg,
    ) -> Result<(ProjectName, EnvironmentName), CliError> {
        let project = self.project().await?;
        let environment = self.environment(&project, given).await?;
        Ok((project, environment))
    }

    /// Becomes the owner of the data directory, to write.
    pub(crate) async fn own(&self) -> Result<Owner, CliError> {
        self.own_within(PATIENCE).await
    }

    /// Becomes the owner of the data directory, waiting for at most `patience`.
    pub(crate) async fn own_within(&self, patience: Duration) -> Result<Owner, CliError> {
        Ok(self.engine.own(patience).await?)
    }

    /// Does, at the end of a command that wrote, what is due at third parties.
    ///
    /// What does not succeed stays owed, and `status` shows it; the command
    /// itself has succeeded or failed without it.
    pub(crate) async fn settle_due(&self, owner: &Owner, observer: &dyn Observer) {
        if let Err(error) = owner.settle_due(observer).await {
            let shell = &self.context.shell;
            shell.warn(format_args!("what is due was not done: {error}"));
        }
    }
}

/// Says who uses the program, as far as the environment tells.
fn actor() -> String {
    let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let user = ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(variable);
    let user = user.unwrap_or_else(|| "unknown".to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|text| text.trim().to_owned())
        .or_else(|| ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(variable))
        .filter(|host| !host.is_empty());
    match host {
        Some(host) => format!("{user}@{host}"),
        None => user,
    }
}
