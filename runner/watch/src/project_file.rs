//! `tidegate.toml`: what a project is called, and how it is built and limited.

mod reader;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::{Limits, ProjectName};
use toml::de::DeTable;

use reader::Reader;

/// The name of the project file.
pub const PROJECT_FILE: &str = "tidegate.toml";

/// How long a build may take when the project file does not say.
pub const DEFAULT_BUILD_TIMEOUT: Duration = Duration::from_secs(600);

/// The longest build that a project file may ask for, in seconds.
const MAX_BUILD_SECONDS: u64 = 24 * 60 * 60;
/// The largest limit that a project file may name: more than any operator grants.
const MAX_LIMIT: u64 = i64::MAX as u64;

/// A project file that was read and found right.
///
/// ```toml
/// name = "orders"                # required
/// component = "dist/orders.wasm" # what the command makes, or what is there already
///
/// [build]
/// command = "make"               # run by `sh`; needs `component`
/// timeout_seconds = 600
///
/// [limits]                       # each lowers the operator's limit and never raises it
/// wall_ms = 5000
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectFile {
    /// The folder that the file is in; paths in it are relative to this.
    pub root: PathBuf,
    /// The project's name.
    pub name: ProjectName,
    /// The component's file, relative to the root, where it is not cargo that makes it.
    pub component: Option<PathBuf>,
    /// The command that makes the component; only ever given with `component`.
    pub build_command: Option<String>,
    /// How long the build may take.
    pub build_timeout: Duration,
    /// The limits that the project lowers.
    pub limits: ProjectLimits,
}

/// The limits of operations that a project lowers for itself; `None` leaves the operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProjectLimits {
    /// `wall_ms`: the time from start to end.
    pub wall: Option<Duration>,
    /// `cpu_ms`: the CPU time.
    pub cpu: Option<Duration>,
    /// `memory`: bytes over all linear memories together.
    pub memory: Option<u64>,
    /// `table_elements`: elements over all tables together.
    pub table_elements: Option<u64>,
    /// `returned`: bytes of the value that is returned.
    pub returned: Option<u64>,
    /// `log_lines`: lines of log that are kept.
    pub log_lines: Option<u32>,
    /// `log_bytes`: bytes of log that are kept.
    pub log_bytes: Option<u64>,
    /// `requests`: outgoing HTTP requests.
    pub requests: Option<u32>,
    /// `body`: bytes of each request's and each response's body.
    pub body: Option<u64>,
}

impl ProjectLimits {
    /// Returns the operator's limits, lowered where the project asks for less.
    #[must_use]
    pub fn lower(&self, operator: &Limits) -> Limits {
        operator.lower_to(&Limits {
            wall: self.wall.unwrap_or(operator.wall),
            cpu: self.cpu.unwrap_or(operator.cpu),
            memory: self.memory.unwrap_or(operator.memory),
            table_elements: self.table_elements.unwrap_or(operator.table_elements),
            returned: self.returned.unwrap_or(operator.returned),
            log_lines: self.log_lines.unwrap_or(operator.log_lines),
            log_bytes: self.log_bytes.unwrap_or(operator.log_bytes),
            requests: self.requests.unwrap_or(operator.requests),
            body: self.body.unwrap_or(operator.body),
        })
    }
}

/// One thing that is wrong with a project file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, in words.
    pub message: String,
}

/// Says why there is no project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectFileError {
    /// Neither the folder nor one above it has a project file.
    #[error(
        "there is no {PROJECT_FILE} in {} nor in a folder above it", .start.display()
    )]
    NotFound {
        /// Where the search began.
        start: PathBuf,
    },
    /// The file, or the folder to search from, could not be read.
    #[error("{} cannot be read", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file says what it must not; every fault is listed, with its line.
    #[error("{}", Faults { path, faults })]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, in the order of lines.
        faults: Vec<Fault>,
    },
}

/// Writes faults one a line, as compilers do.
struct Faults<'a> {
    path: &'a Path,
    faults: &'a [Fault],
}

impl fmt::Display for Faults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(
                f,
                "{}:{}: {}",
                self.path.display(),
                fault.line,
                fault.message
            )?;
        }
        Ok(())
    }
}

/// Finds the project that a path belongs to and reads its file.
///
/// `start` is a project file, or a folder in which, or above which, one is.
///
/// # Errors
/// When there is none, it cannot be read, or something is wrong with it.
pub fn find_project(start: &Path) -> Result<ProjectFile, ProjectFileError> {
    let read_error = |path: &Path, source| ProjectFileError::Read {
        path: path.to_owned(),
        source,
    };
    let start = start
        .canonicalize()
        .map_err(|error| read_error(start, error))?;
    if start.is_file() {
        return read(&start);
    }
    for folder in start.ancestors() {
        let path = folder.join(PROJECT_FILE);
        match path.try_exists() {
            Ok(true) => return read(&path),
            Ok(false) => {}
            Err(error) => return Err(read_error(&path, error)),
        }
    }
    Err(ProjectFileError::NotFound { start })
}

fn read(path: &Path) -> Result<ProjectFile, ProjectFileError> {
    let text = std::fs::read_to_string(path).map_err(|source| ProjectFileError::Read {
        path: path.to_owned(),
        source,
    })?;
    let root = path.parent().unwrap_or(path).to_owned();
    parse(&text, root).map_err(|faults| ProjectFileError::Invalid {
        path: path.to_owned(),
        faults,
    })
}

fn parse(text: &str, root: PathBuf) -> Result<ProjectFile, Vec<Fault>> {
    let mut reader = Reader::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in &errors {
            reader.syntax(error);
        }
        return Err(reader.finish());
    }
    let document = document.get_ref();
    reader.only(document, &["name", "component", "build", "limits"]);

    let name = match reader.string(document, "name") {
        Some((name, at)) => match name.parse::<ProjectName>() {
            Ok(name) => Some(name),
            Err(error) => {
                reader.fault(at, error.to_string());
                None
            }
        },
        None => {
            reader.required(document, "name", "name = \"my-project\"");
            None
        }
    };
    let component = reader
        .filled_string(document, "component")
        .map(PathBuf::from);

    let mut build_command = None;
    let mut build_timeout = DEFAULT_BUILD_TIMEOUT;
    if let Some((build, at)) = reader.table(document, "build") {
        reader.only(build, &["command", "timeout_seconds"]);
        build_command = reader.filled_string(build, "command");
        if let Some(seconds) = reader.number(build, "timeout_seconds", 1, MAX_BUILD_SECONDS) {
            build_timeout = Duration::from_secs(seconds);
        }
        if build_command.is_some() && !reader.has(document, "component") {
            reader.fault(
                at,
                "`[build] command` needs `component` at the top of the file: the path of the file that it makes".to_owned(),
            );
        }
    }
    let limits = match reader.table(document, "limits") {
        Some((limits, _)) => read_limits(&mut reader, limits),
        None => ProjectLimits::default(),
    };
    match (name, reader.finish()) {
        (Some(name), faults) if faults.is_empty() => Ok(ProjectFile {
            root,
            name,
            component,
            build_command,
            build_timeout,
            limits,
        }),
        (_, faults) => Err(faults),
    }
}

fn read_limits(reader: &mut Reader<'_>, limits: &DeTable<'_>) -> ProjectLimits {
    reader.only(
        limits,
        &[
            "wall_ms",
            "cpu_ms",
            "memory",
            "table_elements",
            "returned",
            "log_lines",
            "log_bytes",
            "requests",
            "body",
        ],
    );
    let mut number = |key, least| reader.number(limits, key, least, MAX_LIMIT);
    ProjectLimits {
        wall: number("wall_ms", 1).map(Duration::from_millis),
        cpu: number("cpu_ms", 1).map(Duration::from_millis),
        memory: number("memory", 1),
        table_elements: number("table_elements", 0),
        returned: number("returned", 1),
        log_lines: number("log_lines", 0).map(saturated),
        log_bytes: number("log_bytes", 0),
        requests: number("requests", 0).map(saturated),
        body: number("body", 0),
    }
}

/// Brings a limit into range: one that is too large lowers nothing either way.
fn saturated(limit: u64) -> u32 {
    u32::try_from(limit).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
