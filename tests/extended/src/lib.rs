//! Tests that take long, or need what not every machine has; see `tests/`.
