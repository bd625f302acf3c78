//! The host's side of the contract, generated from its WIT.

use wasmtime::component::{HasSelf, Linker};

use crate::guest::Guest;

mod generated {
    wasmtime::component::bindgen!({
        path: "../../guest-sdk/wit",
        world: "project",
        imports: {
            "tidegate:project/kv.get": async,
            "tidegate:project/kv.keys": async,
        },
        exports: { default: async },
        require_store_data_send: true,
    });
}

pub(crate) use generated::tidegate::project::{declarations, kv, log, operations, users, values};
pub(crate) use generated::{Project, ProjectPre};

/// The version of `tidegate:project` that these bindings are for.
pub(crate) const CONTRACT: semver::Version = semver::Version::new(1, 0, 0);

// These two hold types only.
impl declarations::Host for Guest {}
impl operations::Host for Guest {}

pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    Project::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}
