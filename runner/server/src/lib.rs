//! HTTP on top of the engine: the API, the ingress of webhooks, the pages.
//!
//! A handler takes a request apart, makes one call of the engine and writes
//! down what came of it. Nothing is decided here about deploys, runs or
//! deliveries, and nothing here knows of SQL, wasmtime or the command line.

mod api;
mod app;
mod extract;
mod failure;
mod feed;
mod guard;
mod ingress;
mod listen;
mod page;
mod router;
mod server;
mod status;
mod stream;
pub mod wire;

pub use api::value_path;
pub use listen::ListenOn;
pub use server::{Server, Settings, StartError, start};
