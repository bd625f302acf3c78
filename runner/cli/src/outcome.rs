//! How commands end.

use std::process::ExitCode;

use domain::DeployStatus;
use engine::{Code, Coded as _, DeployError, DeployReport, Exit};

use crate::document::deploy_fields;
use crate::error::CliError;
use crate::signals::Interrupt;

/// How a command ended that said itself what there was to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Done.
    Done,
    /// Not done, or not quite.
    Exit(Exit),
    /// With `--detailed-exitcode`: there are changes.
    ChangesPresent,
    /// Somebody interrupted it.
    Interrupted(Interrupt),
}

impl Ending {
    /// Returns the exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Exit(exit) => exit as u8,
            Self::ChangesPresent => 2,
            Self::Interrupted(signal) => signal.exit_code(),
        }
    }
}

impl From<Code> for Ending {
    fn from(code: Code) -> Self {
        Self::Exit(code.exit())
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending.code())
    }
}

/// Returns the code that tells how a deploy ended; none where it is all done.
pub(crate) fn code_of(report: &DeployReport) -> Option<Code> {
    match report.status {
        DeployStatus::Succeeded => None,
        DeployStatus::Running | DeployStatus::Incomplete => Some(Code::StepsNotDone),
        DeployStatus::RolledBack => Some(Code::RolledBack),
        DeployStatus::Failed | DeployStatus::Interrupted => {
            let stored = report.error.as_ref();
            let code = stored.and_then(|error| Code::from_name(&error.code));
            Some(code.unwrap_or(Code::Internal))
        }
    }
}

/// Returns the error of a failed deploy; its document holds the deploy's fields too.
pub(crate) fn deploy_error(error: DeployError) -> CliError {
    let fields = error.report().map(deploy_fields).unwrap_or_default();
    CliError::from(error).with_fields(fields)
}

/// Returns the error of a build.
pub(crate) fn build_error(error: engine::BuildError) -> CliError {
    let error = DeployError::from(error);
    debug_assert!(
        error.code() != Code::Internal,
        "every build error has a code"
    );
    CliError::from(error)
}
