//! How much one operation may use.

use std::time::Duration;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// The limits of one operation.
///
/// The operator sets them; a project may only lower them, see [`Limits::lower_to`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The time from start to end, waiting included.
    pub wall: Duration,
    /// The CPU time, the host's work for the operation included.
    pub cpu: Duration,
    /// Bytes over all linear memories together.
    pub memory: u64,
    /// Elements over all tables together; at most 1,000,000 take effect.
    pub table_elements: u64,
    /// Bytes of the value that is returned.
    pub returned: u64,
    /// Lines of log that are kept.
    pub log_lines: u32,
    /// Bytes of log that are kept.
    pub log_bytes: u64,
    /// Outgoing HTTP requests; 0 means none at all.
    pub requests: u32,
    /// Bytes of each request's and each response's body.
    pub body: u64,
}

impl Limits {
    /// Returns the defaults for `collect`.
    #[must_use]
    pub const fn collect() -> Self {
        Self {
            wall: Duration::from_secs(5),
            cpu: Duration::from_secs(2),
            memory: 64 * MIB,
            table_elements: 20_000,
            returned: 16 * MIB,
            log_lines: 1_000,
            log_bytes: 256 * KIB,
            requests: 0,
            body: 0,
        }
    }

    /// Returns the defaults for `subscription-props`, which are those for `collect`.
    #[must_use]
    pub const fn props() -> Self {
        Self::collect()
    }

    /// Returns the defaults for every other operation.
    #[must_use]
    pub const fn operations() -> Self {
        Self {
            wall: Duration::from_secs(30),
            cpu: Duration::from_secs(10),
            memory: 256 * MIB,
            table_elements: 100_000,
            returned: 4 * MIB,
            log_lines: 10_000,
            log_bytes: MIB,
            requests: 50,
            body: 16 * MIB,
        }
    }

    /// Returns what lowers nothing.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self {
            wall: Duration::MAX,
            cpu: Duration::MAX,
            memory: u64::MAX,
            table_elements: u64::MAX,
            returned: u64::MAX,
            log_lines: u32::MAX,
            log_bytes: u64::MAX,
            requests: u32::MAX,
            body: u64::MAX,
        }
    }

    /// Returns the lower of each limit, so that `other` can take away but never add.
    #[must_use]
    pub fn lower_to(&self, other: &Self) -> Self {
        Self {
            wall: self.wall.min(other.wall),
            cpu: self.cpu.min(other.cpu),
            memory: self.memory.min(other.memory),
            table_elements: self.table_elements.min(other.table_elements),
            returned: self.returned.min(other.returned),
            log_lines: self.log_lines.min(other.log_lines),
            log_bytes: self.log_bytes.min(other.log_bytes),
            requests: self.requests.min(other.requests),
            body: self.body.min(other.body),
        }
    }

    /// Returns the limits with the wall time lowered to `timeout`, where one is declared.
    #[must_use]
    pub fn with_timeout(self, timeout: Option<Duration>) -> Self {
        Self {
            wall: timeout.map_or(self.wall, |timeout| self.wall.min(timeout)),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_can_lower_a_limit_and_raise_none() {
        let operator = Limits::operations();
        let project = Limits {
            wall: Duration::from_secs(5),
            cpu: Duration::from_secs(60),
            memory: u64::MAX,
            table_elements: 10,
            returned: u64::MAX,
            log_lines: 1,
            log_bytes: u64::MAX,
            requests: 2,
            body: u64::MAX,
        };
        assert_eq!(
            operator.lower_to(&project),
            Limits {
                wall: Duration::from_secs(5),
                table_elements: 10,
                log_lines: 1,
                requests: 2,
                ..operator
            }
        );
    }

    #[test]
    fn a_declared_timeout_lowers_the_wall_time_only() {
        let limits = Limits::operations();
        let short = limits.with_timeout(Some(Duration::from_secs(1)));
        assert_eq!(short.wall, Duration::from_secs(1));
        assert_eq!(short.cpu, limits.cpu);
        assert_eq!(limits.with_timeout(Some(Duration::from_secs(90))), limits);
        assert_eq!(limits.with_timeout(None), limits);
    }
}
