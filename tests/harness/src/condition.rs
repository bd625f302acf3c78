//! Waiting for a condition rather than for a time.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up: a guard against hanging,
/// not a measure of speed.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(4);

/// Waits until `condition` gives a value.
///
/// # Panics
/// When it has not done so within [`DEADLINE`]; `what` says what was waited for.
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(
            began.elapsed() < DEADLINE,
            "waited {DEADLINE:?} in vain for {what}"
        );
        thread::sleep(PAUSE);
    }
}
