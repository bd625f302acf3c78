//! Outgoing HTTP: denied unless declared, resolved and checked by the host, recorded.

mod body;
mod client;
mod guard;
mod hooks;
mod policy;
mod record;
mod resolve;
mod tls;

pub use guard::{AddressKind, is_public};
pub use record::{Fate, RequestLog, RequestRecord};
pub use resolve::Resolve;

pub(crate) use hooks::Hooks;
pub(crate) use policy::{Access, Policy};
pub(crate) use record::{Ending, summary};
pub(crate) use resolve::SystemResolver;
pub(crate) use tls::Tls;

/// What every guest's requests go through.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) resolver: std::sync::Arc<dyn Resolve>,
    pub(crate) tls: Tls,
}
