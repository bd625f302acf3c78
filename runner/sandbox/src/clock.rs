//! Virtual time for `collect`: it stands still but for what the guest itself does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use crate::guest::Guest;

/// 2000-01-01T00:00:00Z, when every `collect` takes place.
const START_SECONDS: u64 = 946_684_800;

/// By how much the clock moves each time it is read, so that a loop that waits
/// for it to move ends.
const STEP_NANOS: u64 = 1_000;

/// A clock that moves when it is read and when it is waited for.
#[derive(Clone, Default)]
pub(crate) struct VirtualClock(Arc<AtomicU64>);

impl VirtualClock {
    fn read(&self) -> u64 {
        self.0
            .fetch_add(STEP_NANOS, Ordering::Relaxed)
            .saturating_add(STEP_NANOS)
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn advance_to(&self, instant: u64) {
        self.0.fetch_max(instant, Ordering::Relaxed);
    }
}

/// Replaces the clocks of a linker by virtual ones.
pub(crate) fn shadow_clocks(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<Guest, VirtualClocks>(linker, Guest::virtual_clock)?;
    wall_clock::add_to_linker::<Guest, VirtualClocks>(linker, Guest::virtual_clock)?;
    linker.allow_shadowing(false);
    Ok(())
}

pub(crate) struct VirtualClocks;

impl HasData for VirtualClocks {
    type Data<'a> = ClockView<'a>;
}

pub(crate) struct ClockView<'a> {
    pub(crate) clock: &'a VirtualClock,
    pub(crate) table: &'a mut ResourceTable,
}

/// A wait that is over as soon as somebody asks, and moves the clock there.
struct Wait {
    clock: VirtualClock,
    until: u64,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Wait {
    async fn ready(&mut self) {
        self.clock.advance_to(self.until);
    }
}

impl ClockView<'_> {
    fn wait_until(&mut self, until: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let wait = self.table.push(Wait {
            clock: self.clock.clone(),
            until,
        })?;
        subscribe(self.table, wait)
    }
}

impl monotonic_clock::Host for ClockView<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.read())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(STEP_NANOS)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.wait_until(when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let until = self.clock.now().saturating_add(duration);
        self.wait_until(until)
    }
}

impl wall_clock::Host for ClockView<'_> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let since = Duration::from_nanos(self.clock.read());
        Ok(wall_clock::Datetime {
            seconds: START_SECONDS.saturating_add(since.as_secs()),
            nanoseconds: since.subsec_nanos(),
        })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime {
            seconds: 0,
            nanoseconds: 1_000,
        })
    }
}
