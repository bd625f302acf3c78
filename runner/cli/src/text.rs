//! How texts, times and tables are written for people.

mod escape;
mod table;
mod time;

pub(crate) use self::escape::{clip, json, paragraph, plain};
pub(crate) use self::table::Table;
pub(crate) use self::time::{bytes, duration, moment, relative};
