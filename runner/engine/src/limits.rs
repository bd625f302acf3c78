//! The operator's limits: the defaults, or what `limits.toml` in the data directory says.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Limits;
use serde::Deserialize;

/// The operator's file, in the data directory.
const FILE: &str = "limits.toml";

/// Says why the operator's limits cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file says something that is no limit.
    #[error("{} is not right: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        message: String,
    },
}

/// The limits of both kinds of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OperatorLimits {
    /// Of `collect` and `subscription-props`.
    pub(crate) collect: Limits,
    /// Of every other operation.
    pub(crate) operations: Limits,
}

/// The file: what is left out stays at its default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    collect: Changes,
    operations: Changes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Changes {
    wall_ms: Option<u64>,
    cpu_ms: Option<u64>,
    memory: Option<u64>,
    table_elements: Option<u64>,
    returned: Option<u64>,
    log_lines: Option<u32>,
    log_bytes: Option<u64>,
    requests: Option<u32>,
    body: Option<u64>,
}

impl Changes {
    fn apply(&self, limits: Limits) -> Limits {
        Limits {
            wall: self.wall_ms.map_or(limits.wall, Duration::from_millis),
            cpu: self.cpu_ms.map_or(limits.cpu, Duration::from_millis),
            memory: self.memory.unwrap_or(limits.memory),
            table_elements: self.table_elements.unwrap_or(limits.table_elements),
            returned: self.returned.unwrap_or(limits.returned),
            log_lines: self.log_lines.unwrap_or(limits.log_lines),
            log_bytes: self.log_bytes.unwrap_or(limits.log_bytes),
            requests: self.requests.unwrap_or(limits.requests),
            body: self.body.unwrap_or(limits.body),
        }
    }
}

impl OperatorLimits {
    /// Reads the operator's file, if there is one.
    pub(crate) fn read(data_dir: &Path) -> Result<Self, LimitsError> {
        let path = data_dir.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(LimitsError::Read { path, source }),
        };
        let file: File = toml::from_str(&text).map_err(|error| LimitsError::Invalid {
            path,
            message: error.to_string().trim().to_owned(),
        })?;
        Ok(Self {
            collect: Limits {
                requests: 0,
                body: 0,
                ..file.collect.apply(Limits::collect())
            },
            operations: file.operations.apply(Limits::operations()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<OperatorLimits, LimitsError> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE), text).unwrap();
        OperatorLimits::read(directory.path())
    }

    #[test]
    fn without_a_file_the_defaults_hold() {
        let directory = tempfile::tempdir().unwrap();
        let limits = OperatorLimits::read(directory.path()).unwrap();
        assert_eq!(limits.collect, Limits::collect());
        assert_eq!(limits.operations, Limits::operations());
    }

    #[test]
    fn the_operator_raises_and_lowers_and_never_gives_collect_a_network() {
        let text = "[collect]\nrequests = 5\n[operations]\nmemory = 1073741824\nwall_ms = 1000\n";
        let limits = read(text).unwrap();
        assert_eq!(limits.collect.requests, 0);
        assert_eq!(limits.operations.memory, 1 << 30);
        assert_eq!(limits.operations.wall, Duration::from_secs(1));
        assert_eq!(limits.operations.cpu, Limits::operations().cpu);
    }

    #[test]
    fn a_misspelt_limit_is_refused_with_its_line() {
        let error = read("[operations]\nmemori = 1\n").unwrap_err().to_string();
        assert!(
            error.contains("memori") && error.contains("line 2"),
            "{error}"
        );
    }
}
