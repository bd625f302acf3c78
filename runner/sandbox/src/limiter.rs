//! Memory and tables: sums over everything that one operation has.

use wasmtime::ResourceLimiter;

use crate::engine::{CORE_INSTANCES, MEMORIES, TABLES};

/// Refuses growth beyond a sum and remembers that it did.
///
/// A refused guest sees its growth fail and mostly aborts; the note tells that
/// abort from others.
pub(crate) struct Limiter {
    memory: Sum,
    tables: Sum,
}

struct Sum {
    limit: u64,
    total: u64,
    peak: u64,
    refused: bool,
}

impl Sum {
    const fn new(limit: u64) -> Self {
        Self {
            limit,
            total: 0,
            peak: 0,
            refused: false,
        }
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let more = u64::try_from(desired.saturating_sub(current)).unwrap_or(u64::MAX);
        let total = self.total.saturating_add(more);
        if total > self.limit {
            self.refused = true;
            return false;
        }
        self.total = total;
        self.peak = self.peak.max(total);
        true
    }
}

impl Limiter {
    pub(crate) const fn new(memory: u64, table_elements: u64) -> Self {
        Self {
            memory: Sum::new(memory),
            tables: Sum::new(table_elements),
        }
    }

    /// Returns the most memory that was in use at once, in bytes.
    pub(crate) const fn peak_memory(&self) -> u64 {
        self.memory.peak
    }

    /// Returns whether memory was asked for beyond the limit.
    pub(crate) const fn refused_memory(&self) -> bool {
        self.memory.refused
    }

    /// Returns whether table elements were asked for beyond the limit.
    pub(crate) const fn refused_tables(&self) -> bool {
        self.tables.refused
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // A module that declared a maximum of its own fails by its own rule.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.memory.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        Ok(self.tables.grow(current, desired))
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_share_one_limit_and_the_peak_is_kept() {
        let mut limiter = Limiter::new(100, 0);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert!(!limiter.refused_memory());
        assert!(!limiter.memory_growing(40, 41, None).unwrap());
        assert!(limiter.refused_memory());
        assert_eq!(limiter.peak_memory(), 100);
    }

    #[test]
    fn a_modules_own_maximum_is_not_the_hosts_refusal() {
        let mut limiter = Limiter::new(100, 100);
        assert!(!limiter.memory_growing(0, 60, Some(50)).unwrap());
        assert!(!limiter.table_growing(0, 60, Some(50)).unwrap());
        assert!(!limiter.refused_memory() && !limiter.refused_tables());
    }
}
