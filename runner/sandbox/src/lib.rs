//! Runs guests under limits in wasmtime.
