//! Why an operation has no result. A guest's trap is data, not an error of the host.

use std::fmt;
use std::time::Duration;

/// Why an operation failed; secrets are taken out of every text in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The guest said so.
    Guest {
        /// Whether it may succeed when tried again.
        retryable: bool,
        /// The guest's words.
        message: String,
        /// How long to wait before the next attempt, where the guest knows.
        retry_after: Option<Duration>,
    },
    /// The guest crashed.
    Trap(Trap),
    /// The guest went beyond a limit.
    Limit {
        /// Which.
        limit: Limit,
        /// What was exceeded, by whom, and what to change.
        message: String,
    },
    /// The guest returned what the contract does not allow.
    BadContract {
        /// What is wrong with it.
        message: String,
    },
    /// The host could not run the guest.
    Host {
        /// Why.
        message: String,
    },
}

/// A guest's crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// The operation and object that ran: `run-action of action greet`.
    pub subject: String,
    /// What happened, in words.
    pub reason: String,
    /// The panic's message and place, if it was a panic.
    pub panic: Option<String>,
    /// Where it happened, innermost first; the language's own frames are left out.
    pub frames: Vec<Frame>,
}

/// One function of a guest on its stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its name; `<unknown>` without one.
    pub function: String,
    /// The source file, relative to the project or to the crate it is from.
    pub file: Option<String>,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// The column, counted from 1.
    pub column: Option<u32>,
}

/// The limits that an operation can hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Time, waiting included.
    Wall,
    /// CPU time.
    Cpu,
    /// Memory over all memories.
    Memory,
    /// Elements over all tables.
    Tables,
    /// The size of what is returned.
    Returned,
    /// The size of what one call hands to the host.
    HostCall,
    /// Host objects held at once.
    Handles,
    /// Random bytes asked for at once.
    Random,
    /// The size of a set of HTTP header fields.
    Headers,
}

impl Limit {
    /// Returns the limit's stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wall => "wall_time",
            Self::Cpu => "cpu_time",
            Self::Memory => "memory",
            Self::Tables => "table_elements",
            Self::Returned => "returned_value",
            Self::HostCall => "host_call",
            Self::Handles => "handles",
            Self::Random => "random",
            Self::Headers => "headers",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guest { message, .. }
            | Self::Limit { message, .. }
            | Self::BadContract { message }
            | Self::Host { message } => f.write_str(message),
            Self::Trap(trap) => trap.fmt(f),
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} crashed: {}", self.subject, self.reason)?;
        if let Some(panic) = &self.panic {
            write!(f, ": {panic}")?;
        }
        for frame in &self.frames {
            write!(f, "\n  at {frame}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        if let Some(file) = &self.file {
            write!(f, " ({file}")?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            if let (Some(_), Some(column)) = (self.line, self.column) {
                write!(f, ":{column}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}
