//! The rule for schemas: each compiles.

use std::collections::HashMap;

use super::report::About;
use crate::schema::InputSchema;

/// Checks schemas, each text once: objects often share theirs.
#[derive(Debug, Default)]
pub(super) struct Schemas<'a> {
    faults: HashMap<&'a str, Option<String>>,
}

impl<'a> Schemas<'a> {
    /// Checks one schema; `what` names it, as in `the input schema`.
    pub(super) fn check(&mut self, what: &str, text: &'a str, about: &mut About<'_>) {
        let fault = self.faults.entry(text).or_insert_with(|| {
            InputSchema::verify(text)
                .err()
                .map(|error| error.to_string())
        });
        if let Some(fault) = fault {
            about.add(format!("{what} cannot be used: {fault}"));
        }
    }
}
