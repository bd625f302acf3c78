//! What the host keeps for one running guest.

use std::sync::{Arc, LazyLock};

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{Deterministic, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::clock::{ClockView, VirtualClock};
use crate::grants::Grants;
use crate::host::kv::Overlay;
use crate::http::Hooks;
use crate::limiter::Limiter;
use crate::log::{LogSink, Standard};

/// Host objects that a guest may hold at once; an unsent request holds a buffer.
const RESOURCES: usize = 1_024;
/// Random bytes that may be asked for at once.
const RANDOM: u64 = 1024 * 1024;
/// Bytes of one set of header fields, the host's overhead included.
const FIELDS: usize = 64 * 1024;

/// Constant randomness repeats after this many bytes.
const RANDOM_PERIOD: usize = 64 * 1024;

/// How far an operation reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// `collect`: nothing.
    Nothing,
    /// `subscription-props`: secrets, variables, app configuration.
    Values,
    /// Every other operation: all that it is granted.
    Everything,
}

/// The data of a guest's store.
pub(crate) struct Guest {
    pub(crate) reach: Reach,
    pub(crate) grants: Arc<Grants>,
    pub(crate) log: LogSink,
    pub(crate) limiter: Limiter,
    pub(crate) kv: Overlay,
    clock: VirtualClock,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    table: ResourceTable,
}

impl Guest {
    pub(crate) fn new(reach: Reach, grants: Arc<Grants>, log: LogSink, hooks: Hooks) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS);
        let limits = grants.limits;
        Self {
            reach,
            wasi: wasi(reach, &log),
            log,
            limiter: Limiter::new(limits.memory, limits.table_elements),
            grants,
            kv: Overlay::default(),
            clock: VirtualClock::default(),
            http,
            hooks,
            table,
        }
    }

    pub(crate) fn virtual_clock(&mut self) -> ClockView<'_> {
        ClockView {
            clock: &self.clock,
            table: &mut self.table,
        }
    }
}

/// The builder grants nothing by itself: no files, environment, arguments, input or sockets.
fn wasi(reach: Reach, log: &LogSink) -> WasiCtx {
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdout(log.stream(Standard::Output))
        .stderr(log.stream(Standard::Error))
        .max_random_size(RANDOM);
    match reach {
        Reach::Nothing | Reach::Values => {
            builder
                .secure_random(Deterministic::new(SECURE.clone()))
                .insecure_random(Deterministic::new(INSECURE.clone()))
                .insecure_random_seed(0x7469_6465_6761_7465_2063_6f6c_6c65_6374);
        }
        Reach::Everything => {}
    }
    builder.build()
}

static SECURE: LazyLock<Vec<u8>> =
    LazyLock::new(|| constant_bytes("tidegate collect, secure randomness"));
static INSECURE: LazyLock<Vec<u8>> =
    LazyLock::new(|| constant_bytes("tidegate collect, insecure randomness"));

/// Returns bytes that look random and are the same for every artifact, everywhere.
fn constant_bytes(context: &str) -> Vec<u8> {
    let mut bytes = vec![0; RANDOM_PERIOD];
    blake3::Hasher::new_derive_key(context)
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
