//! CPU time: what the threads spent on one operation.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Adds up the thread CPU time of every poll of an operation's futures.
///
/// Clones count into the same sum. Counting ticks instead would charge for
/// waiting and miss the host's own work.
#[derive(Clone, Default)]
pub(crate) struct Meter(Arc<Counters>);

#[derive(Default)]
struct Counters {
    spent: AtomicU64,
    /// The thread's CPU clock when the operation's current poll began.
    polled_at: AtomicU64,
}

impl Meter {
    /// Runs the operation itself; [`Meter::within`] may be asked from inside it.
    pub(crate) async fn operation<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let start = thread_cpu();
            self.0.polled_at.store(start, Ordering::Relaxed);
            let poll = future.as_mut().poll(cx);
            self.add(start);
            poll
        })
        .await
    }

    /// Runs work for the operation on a task of its own.
    pub(crate) async fn task<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let start = thread_cpu();
            let poll = future.as_mut().poll(cx);
            self.add(start);
            poll
        })
        .await
    }

    /// Returns whether the operation has used at most `limit`; only from inside its poll.
    pub(crate) fn within(&self, limit: Duration) -> bool {
        let current = thread_cpu().saturating_sub(self.0.polled_at.load(Ordering::Relaxed));
        self.spent().saturating_add(Duration::from_nanos(current)) <= limit
    }

    /// Returns what finished polls have used.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.0.spent.load(Ordering::Relaxed))
    }

    fn add(&self, start: u64) {
        let spent = thread_cpu().saturating_sub(start);
        self.0.spent.fetch_add(spent, Ordering::Relaxed);
    }
}

fn thread_cpu() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_charged_and_waiting_is_not() {
        let meter = Meter::default();
        meter
            .operation(async {
                let start = thread_cpu();
                while thread_cpu() - start < 5_000_000 {}
                assert!(!meter.within(Duration::from_millis(4)));
                assert!(meter.within(Duration::from_secs(60)));
                tokio::task::yield_now().await;
            })
            .await;
        let worked = meter.spent();
        assert!(worked >= Duration::from_millis(5));
        meter.task(async {}).await;
        assert!(meter.spent() >= worked);
    }
}
