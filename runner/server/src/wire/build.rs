//! A build that was made elsewhere, as it is told to the server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::ArtifactDigest;
use engine::{BuildError, BuildProfile, BuiltComponent, Commit, FinishedBuild};
use serde::{Deserialize, Serialize};

/// A build that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildBody {
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What came of it.
    pub result: BuildResultBody,
    /// The last lines of a build that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
}

/// What came of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum BuildResultBody {
    /// An artifact, which was uploaded.
    Artifact {
        /// Its digest.
        artifact: ArtifactDigest,
        /// The commit of its source.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<CommitBody>,
    },
    /// Nothing.
    Failure(BuildFailureBody),
}

/// The commit of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitBody {
    /// Its full hash.
    pub hash: String,
    /// Whether the tree had changes beside it.
    pub dirty: bool,
}

/// Why a build gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case", deny_unknown_fields)]
pub enum BuildFailureBody {
    /// The command did not start.
    Start {
        /// The command.
        command: String,
        /// Where.
        directory: PathBuf,
        /// Why not.
        error: String,
    },
    /// The command failed.
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        status: String,
    },
    /// The command took too long.
    TimedOut {
        /// The command.
        command: String,
        /// The time it had.
        seconds: u64,
    },
    /// There was no component.
    NoComponent {
        /// What was looked for.
        what: String,
    },
    /// Something is not installed.
    Missing {
        /// What.
        missing: String,
        /// What to do.
        remedy: String,
    },
}

impl BuildBody {
    /// Describes a build; `artifact` is what it made, if it made something.
    ///
    /// There is no description of one that made something that was not uploaded.
    #[must_use]
    pub fn new(build: &FinishedBuild, artifact: Option<ArtifactDigest>) -> Option<Self> {
        let result = match (&build.result, artifact) {
            (Ok(built), Some(artifact)) => BuildResultBody::Artifact {
                artifact,
                commit: built.commit.clone().map(|commit| CommitBody {
                    hash: commit.hash,
                    dirty: commit.dirty,
                }),
            },
            (Err(error), None) => BuildResultBody::Failure(BuildFailureBody::of(error)),
            (Ok(_), None) | (Err(_), Some(_)) => return None,
        };
        Some(Self {
            duration_ms: u64::try_from(build.took.as_millis()).unwrap_or(u64::MAX),
            result,
            output: build.output.clone(),
        })
    }

    /// Returns the artifact, if the build made one.
    #[must_use]
    pub fn artifact(&self) -> Option<ArtifactDigest> {
        match &self.result {
            BuildResultBody::Artifact { artifact, .. } => Some(*artifact),
            BuildResultBody::Failure(_) => None,
        }
    }

    /// Makes the build of it; `file` is where the artifact is stored.
    pub(crate) fn finished(self, file: Option<PathBuf>) -> Option<FinishedBuild> {
        let artifact = self.artifact();
        let result = match (self.result, file) {
            (BuildResultBody::Artifact { commit, .. }, Some(path)) => Ok(BuiltComponent {
                path,
                commit: commit.map(|commit| Commit {
                    hash: commit.hash,
                    dirty: commit.dirty,
                }),
            }),
            (BuildResultBody::Failure(failure), _) => Err(failure.into_error()),
            (BuildResultBody::Artifact { .. }, None) => return None,
        };
        Some(FinishedBuild {
            result,
            artifact,
            profile: BuildProfile::Release,
            took: Duration::from_millis(self.duration_ms),
            output: self.output,
        })
    }
}

impl BuildFailureBody {
    fn of(error: &BuildError) -> Self {
        match error.clone() {
            BuildError::Start {
                command,
                directory,
                source,
            } => Self::Start {
                command,
                directory,
                error: source.to_string(),
            },
            BuildError::Failed { command, status } => Self::Failed { command, status },
            BuildError::TimedOut { command, seconds } => Self::TimedOut { command, seconds },
            BuildError::NoComponent { reason } => Self::NoComponent { what: reason },
            BuildError::Missing { missing, remedy } => Self::Missing { missing, remedy },
        }
    }

    fn into_error(self) -> BuildError {
        match self {
            Self::Start {
                command,
                directory,
                error,
            } => BuildError::Start {
                command,
                directory,
                source: Arc::new(std::io::Error::other(error)),
            },
            Self::Failed { command, status } => BuildError::Failed { command, status },
            Self::TimedOut { command, seconds } => BuildError::TimedOut { command, seconds },
            Self::NoComponent { what } => BuildError::NoComponent { reason: what },
            Self::Missing { missing, remedy } => BuildError::Missing { missing, remedy },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine::{BuildError, BuildProfile, FinishedBuild};

    use super::BuildBody;

    #[test]
    fn a_build_that_failed_says_the_same_on_the_other_side() {
        let errors = [
            BuildError::Failed {
                command: "cargo build".to_owned(),
                status: "exit status 101".to_owned(),
            },
            BuildError::TimedOut {
                command: "make".to_owned(),
                seconds: 600,
            },
            BuildError::NoComponent {
                reason: "app.wasm is not there".to_owned(),
            },
            BuildError::Missing {
                missing: "cargo".to_owned(),
                remedy: "install Rust".to_owned(),
            },
        ];
        for error in errors {
            let words = error.to_string();
            let build = FinishedBuild {
                result: Err(error),
                artifact: None,
                profile: BuildProfile::Release,
                took: Duration::from_millis(1_500),
                output: vec!["error: it does not compile".to_owned()],
            };
            let body = BuildBody::new(&build, None).unwrap();
            let text = serde_json::to_string(&body).unwrap();
            let read: BuildBody = serde_json::from_str(&text).unwrap();
            let again = read.finished(None).unwrap();
            assert_eq!(again.result.unwrap_err().to_string(), words);
            assert_eq!((again.took, again.output), (build.took, build.output));
        }
    }
}
