//! Runs guests: compiled components of other people's code, under limits.
//!
//! [`Sandbox`] is the door. It loads an artifact, asks it what it declares, and
//! runs its operations, each in a fresh instance that reaches nothing but what
//! it was granted. A guest's crash is a value here, never an error of the host.
//!
//! No type of wasmtime leaves this crate. It must never give a guest a file, an
//! environment variable, a process or a socket, connect to an address that it
//! has not checked, or load machine code that this host did not make.

mod bindings;
mod cache;
mod call;
mod clock;
mod component;
mod convert;
mod engine;
mod explain;
mod failure;
mod grants;
mod guest;
mod host;
mod http;
mod inspect;
mod limiter;
mod load;
mod log;
mod meter;
mod operation;
mod redact;
mod run;
mod sandbox;
mod symbols;
mod ticker;

pub use cache::CacheError;
pub use call::{
    Call, CheckAnswer, Delivery, Output, Registration, Report, Response, RunContext, Usage,
};
pub use component::{Compiler, Component};
pub use failure::{Failure, Frame, Limit, Trap};
pub use grants::{Account, Credential, Grants, UserGrant};
pub use host::kv::{KvRead, KvWrite, MAX_KV_KEY, MAX_KV_VALUE, MAX_KV_WRITES, MAX_KV_WRITTEN};
pub use http::{AddressKind, Fate, RequestLog, RequestRecord, Resolve, is_public};
pub use inspect::Unfit;
pub use load::{LoadError, MAX_ARTIFACT};
pub use log::{Log, LogLine, LogSource};
pub use sandbox::{CollectError, Collected, OpenError, Sandbox, Settings};
