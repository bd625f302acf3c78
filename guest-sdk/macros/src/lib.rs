//! The attribute macros of tidegate-sdk.
