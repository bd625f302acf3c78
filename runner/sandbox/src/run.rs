//! One operation from start to end: slot, store, limits, call, and what is left of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Limits;
use domain::Redactor;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use wasmtime::{Store, UpdateDeadline};

use crate::call::Usage;
use crate::component::Component;
use crate::explain::{self, CpuExceeded, Facts};
use crate::failure::{Failure, Limit};
use crate::grants::Grants;
use crate::guest::{Guest, Reach};
use crate::host::kv::{KvWrite, Overlay};
use crate::http::{Access, Ending, Hooks, Network, Policy, RequestLog};
use crate::log::{Log, LogSink};
use crate::meter::Meter;
use crate::operation::Operation;
use crate::redact::redactor_of;
use crate::symbols::Symbols;
use crate::ticker::Ticker;

/// Component-model handles that a guest may hold at once.
const HANDLES: usize = 4_096;

/// What one call to the host may carry, where less may be returned: a value of
/// the key-value store is 64 KiB.
const HOST_CALL: u64 = 512 * 1024;
/// What reading a result costs beyond its own bytes.
const LIFTING: u64 = 64 * 1024;

/// What all operations share.
pub(crate) struct Host {
    pub(crate) ticker: Ticker,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) network: Network,
    pub(crate) symbols: Symbols,
}

/// What is left of an operation.
pub(crate) struct Ran<T> {
    pub(crate) outcome: Result<T, Failure>,
    pub(crate) usage: Usage,
    pub(crate) log: Log,
    /// Empty after a failure.
    pub(crate) kv_writes: Vec<KvWrite>,
}

/// Runs an operation in a fresh instance, once a slot is free.
pub(crate) async fn run<O: Operation>(
    host: &Host,
    component: &Component,
    operation: O,
    grants: Grants,
) -> Ran<O::Returned> {
    let subject = format!("{} of {}", operation.name(), grants.object);
    let limits = grants.limits;
    let redactor = Arc::new(redactor_of(&grants));
    // The semaphore is never closed, and without a permit the pool itself refuses.
    let slot = host.permits.acquire().await;

    let log = LogSink::new(limits.log_lines, limits.log_bytes, Arc::clone(&redactor));
    let meter = Meter::default();
    let requests = grants.requests.clone();
    let start = Instant::now();
    let mut store = store_for(host, component, &operation, grants, &log, &meter);
    // Dropped before the store: what the guest had not read then, it still wanted.
    let closing = CloseOnDrop(requests);
    let called = {
        let _ticking = host.ticker.tick();
        let call = meter.operation(perform(component, operation, &mut store));
        timeout(limits.wall, call).await
    };
    let wall = start.elapsed();
    closing.0.close(match &called {
        Ok(Ok(_)) => Ending::Returned,
        Ok(Err(_)) | Err(_) => Ending::Stopped,
    });
    let left = Left::of(store);
    // With the store gone the slot is free, however long the explanation takes.
    drop(slot);
    let usage = Usage {
        cpu: meter.spent(),
        wall,
        peak_memory_bytes: left.peak_memory,
    };
    let (log, stderr) = log.finish();
    let facts = Facts {
        subject,
        limits,
        refused_memory: left.refused_memory,
        refused_tables: left.refused_tables,
        stderr,
    };
    let outcome = match called {
        Ok(Ok(answer)) => answer
            .and_then(|returned| O::accept(returned, limits.returned, &redactor))
            .map_err(|failure| explain::with_subject(failure, &facts)),
        Ok(Err(error)) => Err(explain::explain(&error, &facts, component, &host.symbols).await),
        Err(_) => Err(wall_time(&facts)),
    };
    Ran {
        kv_writes: match &outcome {
            Ok(_) => left.kv.into_writes(),
            Err(_) => Vec::new(),
        },
        outcome: outcome.map_err(|failure| redacted(failure, &redactor)),
        usage,
        log,
    }
}

async fn perform<O: Operation>(
    component: &Component,
    operation: O,
    store: &mut Store<Guest>,
) -> wasmtime::Result<Result<O::Returned, Failure>> {
    let linked = component.linked(operation.reach())?;
    let project = linked.instantiate_async(&mut *store).await?;
    operation.perform(&project, store).await
}

fn store_for(
    host: &Host,
    component: &Component,
    operation: &impl Operation,
    grants: Grants,
    log: &LogSink,
    meter: &Meter,
) -> Store<Guest> {
    let limits = grants.limits;
    let grants = Arc::new(grants);
    let policy = Policy {
        access: match operation.reach() {
            Reach::Nothing | Reach::Values => Access::NoneIn(operation.name()),
            Reach::Everything => Access::Declared,
        },
        grants: Arc::clone(&grants),
    };
    let hooks = Hooks::new(host.network.clone(), policy, log.clone(), meter.clone());
    let guest = Guest::new(operation.reach(), grants, log.clone(), hooks);
    let mut store = Store::new(&component.runtime.engine, guest);
    limit_store(&mut store, &limits, meter);
    store
}

fn limit_store(store: &mut Store<Guest>, limits: &Limits, meter: &Meter) {
    store.limiter(|guest| &mut guest.limiter);
    store.set_max_component_handles(HANDLES);
    let fuel = limits.returned.max(HOST_CALL).saturating_add(LIFTING);
    store.set_hostcall_fuel(usize::try_from(fuel).unwrap_or(usize::MAX));
    store.set_epoch_deadline(1);
    let (meter, cpu) = (meter.clone(), limits.cpu);
    store.epoch_deadline_callback(move |_| {
        if meter.within(cpu) {
            let others_first = Box::pin(tokio::task::yield_now());
            Ok(UpdateDeadline::YieldCustom(1, others_first))
        } else {
            Err(CpuExceeded.into())
        }
    });
}

/// Closes the record of requests when a call is dropped in the middle.
struct CloseOnDrop(RequestLog);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close(Ending::Stopped);
    }
}

/// What is kept of a store when it goes.
struct Left {
    kv: Overlay,
    peak_memory: u64,
    refused_memory: bool,
    refused_tables: bool,
}

impl Left {
    fn of(mut store: Store<Guest>) -> Self {
        let guest = store.data_mut();
        Self {
            kv: std::mem::take(&mut guest.kv),
            peak_memory: guest.limiter.peak_memory(),
            refused_memory: guest.limiter.refused_memory(),
            refused_tables: guest.limiter.refused_tables(),
        }
    }
}

fn wall_time(facts: &Facts) -> Failure {
    Failure::Limit {
        limit: Limit::Wall,
        message: format!(
            "{} was stopped after {}, the wall time it may take; wait for less in one \
             operation, or raise the limit (a declared timeout can only lower it)",
            facts.subject,
            seconds(facts.limits.wall)
        ),
    }
}

/// Returns a duration as people write it.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{duration:?}")
}

/// Returns a size in the largest unit that shows it exactly.
pub(crate) fn bytes(size: u64) -> String {
    const UNITS: [(u32, &str); 3] = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    UNITS
        .into_iter()
        .find(|(bits, _)| size > 0 && size.trailing_zeros() >= *bits)
        .map_or_else(
            || format!("{size} bytes"),
            |(bits, unit)| format!("{} {unit}", size >> bits),
        )
}

/// Takes secrets out of every text of a failure.
fn redacted(mut failure: Failure, redactor: &Redactor) -> Failure {
    let clean = |text: &mut String| *text = redactor.redact(std::mem::take(text));
    match &mut failure {
        Failure::Guest { message, .. }
        | Failure::Limit { message, .. }
        | Failure::BadContract { message }
        | Failure::Host { message } => clean(message),
        Failure::Trap(trap) => {
            clean(&mut trap.reason);
            if let Some(panic) = &mut trap.panic {
                clean(panic);
            }
        }
    }
    failure
}
