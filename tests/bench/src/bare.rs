//! The floor of calls and loads: wasmtime as anybody would use it, with the sandbox's settings.
//!
//! The settings are repeated here by hand. That they are the sandbox's is
//! checked by loading the machine code that the sandbox compiled: wasmtime
//! refuses code of other settings.

#![expect(
    unsafe_code,
    reason = "wasmtime cannot check compiled code, so its callers vouch for it"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, bail};
use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    StoreLimits, StoreLimitsBuilder, WasmBacktraceDetails,
};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error as HttpError, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks,
    WasiHttpView,
};

mod generated {
    wasmtime::component::bindgen!({
        path: "../../guest-sdk/wit",
        world: "project",
        exports: { default: async },
        require_store_data_send: true,
    });
}

use generated::tidegate::project::{declarations, kv, log, operations, users, values};
use generated::{Project, ProjectPre};

const MIB: usize = 1024 * 1024;

/// What a store holds: no more than is needed to call a guest.
struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: NoRequests,
    table: ResourceTable,
    limits: StoreLimits,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

struct NoRequests;

type Sent = Result<
    (
        http::Response<WasiBody>,
        Box<dyn Future<Output = Result<(), HttpError>> + Send>,
    ),
    HttpError,
>;

impl WasiHttpHooks for NoRequests {
    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), HttpError>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(async { Err(HttpError::ConnectionLimitReached) })
    }
}

impl declarations::Host for State {}
impl operations::Host for State {}

impl log::Host for State {
    fn write(&mut self, _level: log::Level, _message: String, _fields: Vec<log::Field>) {}
}

impl values::Host for State {
    fn secret(&mut self, _name: String) -> Result<Option<String>, values::ValueError> {
        Ok(None)
    }

    fn variable(&mut self, _name: String) -> Result<Option<String>, values::ValueError> {
        Ok(None)
    }

    fn app_config(&mut self, _name: String) -> Result<Option<String>, values::ValueError> {
        Ok(None)
    }
}

impl users::Host for State {
    fn setting(&mut self, _name: String) -> Result<Option<String>, users::UserError> {
        Ok(None)
    }

    fn credential(&mut self) -> Result<Option<users::AccountCredential>, users::UserError> {
        Ok(None)
    }
}

impl kv::Host for State {
    fn get(&mut self, _key: String) -> Result<Option<Vec<u8>>, kv::KvError> {
        Ok(None)
    }

    fn set(&mut self, _key: String, _value: Vec<u8>) -> Result<(), kv::KvError> {
        Ok(())
    }

    fn delete(&mut self, _key: String) -> Result<(), kv::KvError> {
        Ok(())
    }

    fn keys(&mut self, _prefix: String, _limit: u32) -> Result<Vec<String>, kv::KvError> {
        Ok(Vec::new())
    }
}

/// An engine, with the thread that interrupts its guests.
pub(crate) struct Bare {
    engine: Engine,
    linker: Linker<State>,
    ended: Arc<AtomicBool>,
    ticker: Option<JoinHandle<()>>,
}

impl Bare {
    /// Makes an engine for so many calls at once.
    ///
    /// # Errors
    /// When its address space cannot be had.
    pub(crate) fn new(slots: u32) -> Result<Self> {
        let engine = Engine::new(&config(slots))?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        Project::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
        let ended = Arc::new(AtomicBool::new(false));
        let ticker = thread::spawn({
            let (engine, ended) = (engine.clone(), Arc::clone(&ended));
            move || {
                while !ended.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(1));
                    engine.increment_epoch();
                }
            }
        });
        Ok(Self {
            engine,
            linker,
            ended,
            ticker: Some(ticker),
        })
    }

    /// Maps the machine code of a file, as it is.
    ///
    /// # Errors
    /// When it was compiled with other settings than the sandbox's.
    pub(crate) fn load(&self, code: &Path) -> Result<Component> {
        // SAFETY: the sandbox of this process wrote the file into a directory of its own.
        Ok(unsafe { Component::deserialize_file(&self.engine, code)? })
    }

    /// Links a component.
    ///
    /// # Errors
    /// When it imports what is not offered.
    pub(crate) fn link(&self, component: &Component) -> Result<Linked> {
        let linked = self.linker.instantiate_pre(component)?;
        Ok(Linked {
            engine: self.engine.clone(),
            project: ProjectPre::new(linked)?,
        })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(ticker) = self.ticker.take() {
            // It does nothing that could panic.
            let _ = ticker.join();
        }
    }
}

/// A component that is ready to be called.
pub(crate) struct Linked {
    engine: Engine,
    project: ProjectPre<State>,
}

impl Linked {
    /// Runs an action in a fresh instance.
    ///
    /// # Errors
    /// When the guest returns an error, or traps.
    pub(crate) async fn run_action(&self, name: &str, input: &str) -> Result<String> {
        let mut store = self.store();
        let project = self.project.instantiate_async(&mut store).await?;
        let context = operations::RunContext {
            run: "1".to_owned(),
            attempt: 1,
            idempotency_key: "key".to_owned(),
            user: None,
        };
        let guest = project.tidegate_project_guest();
        let answer = guest
            .call_run_action(&mut store, name, &input.to_owned(), &context)
            .await?;
        match answer {
            Ok(output) => Ok(output),
            Err(error) => bail!("the guest failed: {error:?}"),
        }
    }

    fn store(&self) -> Store<State> {
        let limits = StoreLimitsBuilder::new()
            .memory_size(256 * MIB)
            .table_elements(100_000)
            .build();
        let state = State {
            wasi: WasiCtxBuilder::new().build(),
            http: WasiHttpCtx::new(),
            hooks: NoRequests,
            table: ResourceTable::new(),
            limits,
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limits);
        store.set_max_component_handles(4_096);
        store.set_hostcall_fuel(4 * MIB);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store
    }
}

fn config(slots: u32) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_stacks(slots)
        .total_core_instances(slots * 16)
        .total_memories(slots * 4)
        .total_tables(slots * 16)
        .max_core_instances_per_component(16)
        .max_memories_per_component(4)
        .max_tables_per_component(16)
        .max_memories_per_module(4)
        .max_tables_per_module(16)
        .table_elements(1_000_000)
        .linear_memory_keep_resident(256 * 1024)
        .table_keep_resident(64 * 1024)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .shared_memory(false)
        .concurrency_support(false);
    config
}
