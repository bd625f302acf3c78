//! The structured log of an operation.

use std::rc::Rc;

use serde::Serialize;

use crate::backend::Backend;

/// How much a line of the log matters.
///
/// ```
/// use tidegate_sdk::{Level, test::Context};
///
/// let ctx = Context::new();
/// ctx.log().warn("slow");
/// assert_eq!(ctx.log_lines()[0].level, Level::Warn);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every detail.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// What happened.
    Info,
    /// What may need attention.
    Warn,
    /// What went wrong.
    Error,
}

/// One line of the log, written by the method that names its level.
///
/// ```
/// use tidegate_sdk::test::Context;
///
/// let ctx = Context::new();
/// ctx.log().field("order", &7).info("refunded");
/// assert_eq!(ctx.log_lines()[0].message, "refunded");
/// assert_eq!(ctx.log_lines()[0].fields["order"], 7);
/// ```
#[must_use = "a line is written by `info`, `warn` and the like"]
pub struct Log {
    backend: Rc<dyn Backend>,
    fields: Vec<(String, String)>,
}

impl Log {
    pub(crate) fn new(backend: Rc<dyn Backend>) -> Self {
        Self {
            backend,
            fields: Vec::new(),
        }
    }

    /// Adds a field, whose value is written as JSON.
    ///
    /// A value that has no JSON is written as the reason why.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new();
    /// ctx.log().field("items", &["a", "b"]).debug("picked");
    /// assert_eq!(ctx.log_lines()[0].fields["items"], serde_json::json!(["a", "b"]));
    /// ```
    pub fn field<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Self {
        let json = serde_json::to_string(value)
            .unwrap_or_else(|error| serde_json::Value::from(error.to_string()).to_string());
        self.fields.push((name.to_owned(), json));
        self
    }

    /// Writes the line at the level `trace`.
    ///
    /// ```
    /// # let ctx = tidegate_sdk::test::Context::new();
    /// ctx.log().trace("page 3");
    /// ```
    pub fn trace(self, message: &str) {
        self.write(Level::Trace, message);
    }

    /// Writes the line at the level `debug`.
    ///
    /// ```
    /// # let ctx = tidegate_sdk::test::Context::new();
    /// ctx.log().debug("found in the cache");
    /// ```
    pub fn debug(self, message: &str) {
        self.write(Level::Debug, message);
    }

    /// Writes the line at the level `info`.
    ///
    /// ```
    /// # let ctx = tidegate_sdk::test::Context::new();
    /// ctx.log().info("issue created");
    /// ```
    pub fn info(self, message: &str) {
        self.write(Level::Info, message);
    }

    /// Writes the line at the level `warn`.
    ///
    /// ```
    /// # let ctx = tidegate_sdk::test::Context::new();
    /// ctx.log().warn("the answer took 9 s");
    /// ```
    pub fn warn(self, message: &str) {
        self.write(Level::Warn, message);
    }

    /// Writes the line at the level `error`.
    ///
    /// ```
    /// # let ctx = tidegate_sdk::test::Context::new();
    /// ctx.log().error("the warehouse refused the order");
    /// ```
    pub fn error(self, message: &str) {
        self.write(Level::Error, message);
    }

    fn write(self, level: Level, message: &str) {
        self.backend.log(level, message, &self.fields);
    }
}
