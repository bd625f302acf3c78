//! The thread that interrupts guests so that none keeps a worker to itself.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// How long a guest runs before it yields.
const TICK: Duration = Duration::from_millis(1);

/// Raises the epoch of its engines once a millisecond while anything runs, and
/// sleeps otherwise. Clones share one thread; the last one dropped ends it.
#[derive(Clone)]
pub(crate) struct Ticker(Arc<Owner>);

struct Owner(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    /// One cell per compiler; an engine is added when it is first needed.
    engines: [OnceLock<Engine>; 2],
}

#[derive(Default)]
struct State {
    running: usize,
    ended: bool,
}

/// Keeps the ticker going while it lives.
#[must_use]
pub(crate) struct Ticking(Arc<Shared>);

impl Ticker {
    pub(crate) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            engines: Default::default(),
        });
        let for_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("sandbox-tick".to_owned())
            .spawn(move || for_thread.tick())?;
        Ok(Self(Arc::new(Owner(shared))))
    }

    /// Adds an engine; at most one per compiler is ever made.
    pub(crate) fn watch(&self, engine: &Engine) {
        let mut engine = engine.clone();
        for cell in &self.0.0.engines {
            match cell.set(engine) {
                Ok(()) => return,
                Err(back) => engine = back,
            }
        }
    }

    /// Ticks until what is returned is dropped.
    pub(crate) fn tick(&self) -> Ticking {
        let shared = Arc::clone(&self.0.0);
        let mut state = shared.lock();
        state.running += 1;
        if state.running == 1 {
            shared.wake.notify_one();
        }
        drop(state);
        Ticking(shared)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) {
        loop {
            let mut state = self.lock();
            while state.running == 0 && !state.ended {
                state = self
                    .wake
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if state.ended {
                return;
            }
            drop(state);
            thread::sleep(TICK);
            for engine in self.engines.iter().filter_map(OnceLock::get) {
                engine.increment_epoch();
            }
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.wake.notify_one();
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
    }
}
