//! The one place where bytes become machine code.

#![expect(
    unsafe_code,
    reason = "wasmtime cannot check compiled code, so its callers vouch for it"
)]

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps compiled code from a file whose keyed hash has just been verified.
pub(super) fn load_file(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the caller has verified the hash of this very file with a key that
    // only this host has, and files of the cache, which belong to this user
    // alone, are never changed in place; so these are bytes that wasmtime made.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Loads code that the compiler has just returned.
pub(super) fn load_bytes(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the caller has the bytes from the compiler of this process.
    unsafe { Component::deserialize(engine, code) }
}
