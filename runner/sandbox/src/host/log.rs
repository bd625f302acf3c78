//! The structured log.

use domain::LogLevel;

use crate::bindings::log::{Field, Host, Level};
use crate::guest::Guest;

impl Host for Guest {
    fn write(&mut self, level: Level, message: String, fields: Vec<Field>) {
        let level = match level {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        let fields = fields
            .into_iter()
            .map(|field| (field.name, field.value))
            .collect();
        self.log.write(level, message, fields);
    }
}
