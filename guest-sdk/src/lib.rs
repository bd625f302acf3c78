//! Write integrations in Rust that [Tidegate] deploys.
//!
//! A project is a library crate, compiled to a WebAssembly component for the
//! target `wasm32-wasip2`. It declares its objects with attributes, and names
//! them once in [`project!`]:
//!
//! ```
//! use tidegate_sdk::{Result, action, data, project};
//!
//! #[data]
//! struct Input {
//!     name: String,
//! }
//!
//! #[data]
//! struct Output {
//!     greeting: String,
//! }
//!
//! /// Greets somebody.
//! #[action]
//! fn greet(input: Input) -> Result<Output> {
//!     let greeting = format!("Hello, {}!", input.name);
//!     Ok(Output { greeting })
//! }
//!
//! project!(greet);
//! # fn main() {}
//! ```
//!
//! On every other target the same crate compiles for plain `cargo test`:
//! [`test`] has a context that scripts secrets, variables and HTTP answers.
//!
//! The SDK never reads files, the environment or sockets: the host offers none.
//!
//! [Tidegate]: https://crates.io/crates/tidegate

// The macros write absolute paths, in this crate's own tests too.
extern crate self as tidegate_sdk;

mod backend;
#[cfg(target_os = "wasi")]
#[doc(hidden)]
pub mod component;
mod context;
mod credential;
#[doc(hidden)]
pub mod declare;
mod delivery;
mod error;
#[doc(hidden)]
pub mod glue;
pub mod http;
mod kv;
mod log;
mod project;
mod secret;
mod settings;
mod subscription;
#[cfg(not(target_os = "wasi"))]
pub mod test;

pub use crate::context::{Context, HookContext};
pub use crate::credential::Credential;
pub use crate::delivery::{Delivery, Received, Reply};
pub use crate::error::{Error, Result};
pub use crate::kv::Kv;
pub use crate::log::{Level, Log};
pub use crate::project::{Declared, Project};
pub use crate::secret::Secret;
pub use crate::settings::Settings;
pub use crate::subscription::{Check, Registration, Subscription};

#[doc = include_str!("doc/action.md")]
pub use tidegate_sdk_macros::action;
#[doc = include_str!("doc/app_event.md")]
pub use tidegate_sdk_macros::app_event;
#[doc = include_str!("doc/data.md")]
pub use tidegate_sdk_macros::data;
#[doc = include_str!("doc/integration.md")]
pub use tidegate_sdk_macros::integration;
#[doc = include_str!("doc/uses.md")]
pub use tidegate_sdk_macros::uses;
#[doc = include_str!("doc/webhook.md")]
pub use tidegate_sdk_macros::webhook;
#[doc = include_str!("doc/workflow.md")]
pub use tidegate_sdk_macros::workflow;

/// What the macros' glue refers to; no part of the interface.
#[doc(hidden)]
pub mod __private {
    #[cfg(target_os = "wasi")]
    pub use crate::component::{self, HasProject, export_project};
    pub use crate::declare;
    pub use crate::glue;
    pub use crate::project::{
        CheckHook, Entry, Handler, Hooks, Kind, Refresh, Subscribe, Unsubscribe,
    };
    pub use crate::settings::read_setting;
    pub use {schemars, serde};
}
