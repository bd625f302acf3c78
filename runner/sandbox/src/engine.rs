//! The wasmtime engines: one per compiler, with everything off that a guest does not need.

use std::num::NonZeroUsize;

use wasmtime::component::Linker;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy,
    WasmBacktraceDetails,
};

use crate::bindings;
use crate::cache;
use crate::clock;
use crate::component::Compiler;
use crate::guest::Guest;

/// Core instances, memories and tables that one component may have in all.
///
/// A component made from a module has a handful of each; the pool holds this
/// many for every slot, so that no component can take another's share.
pub(crate) const CORE_INSTANCES: u32 = 16;
pub(crate) const MEMORIES: u32 = 4;
pub(crate) const TABLES: u32 = 16;

/// Table elements that the pool has room for; limits above it have no effect.
const TABLE_ELEMENTS: usize = 1_000_000;

/// A panic alone takes eleven frames.
const BACKTRACE_FRAMES: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not zero");

/// How much of an unused slot stays in memory.
const MEMORY_KEPT: usize = 256 * 1024;
const TABLE_KEPT: usize = 64 * 1024;

/// An engine with the two sets of imports that guests are linked with.
pub(crate) struct Runtime {
    pub(crate) compiler: Compiler,
    pub(crate) engine: Engine,
    /// Stands for all settings that machine code depends on, in the names of cached code.
    pub(crate) settings: String,
    /// With real clocks and randomness.
    pub(crate) operations: Linker<Guest>,
    /// For `collect` and `subscription-props`: virtual time, constant randomness.
    pub(crate) deterministic: Linker<Guest>,
}

impl Runtime {
    pub(crate) fn new(compiler: Compiler, slots: u32) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config(compiler, slots))?;
        let operations = linker(&engine)?;
        let mut deterministic = linker(&engine)?;
        clock::shadow_clocks(&mut deterministic)?;
        Ok(Self {
            compiler,
            settings: cache::settings_of(&engine),
            engine,
            operations,
            deterministic,
        })
    }
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    bindings::add_to_linker(&mut linker)?;
    Ok(linker)
}

fn config(compiler: Compiler, slots: u32) -> Config {
    let mut config = Config::new();
    config
        .strategy(match compiler {
            Compiler::Fast => Strategy::Winch,
            Compiler::Optimizing => Strategy::Cranelift,
        })
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(slots)))
        .epoch_interruption(true)
        // Lines are found from the artifact instead, off the hot path: with
        // details on, each trap parses all debug information on the worker.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES))
        // A NaN's bits differ between machines, and a deploy list may be made of them.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .shared_memory(false)
        .concurrency_support(false);
    config
}

fn pool(slots: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_stacks(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .total_memories(slots.saturating_mul(MEMORIES))
        .total_tables(slots.saturating_mul(TABLES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_memories_per_module(MEMORIES)
        .max_tables_per_module(TABLES)
        .table_elements(TABLE_ELEMENTS)
        // Without these, releasing memory costs more than running a small guest
        // as soon as two threads do it at once.
        .linear_memory_keep_resident(MEMORY_KEPT)
        .table_keep_resident(TABLE_KEPT)
        .pagemap_scan(Enabled::Auto);
    pool
}
