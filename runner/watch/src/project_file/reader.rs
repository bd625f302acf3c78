//! Reads typed values out of a TOML table and notes every fault with its line.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::Fault;

/// The faults found so far in a text.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    text: &'t str,
    faults: Vec<Fault>,
}

impl<'t> Reader<'t> {
    /// Starts on a text.
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            faults: Vec::new(),
        }
    }

    /// Returns the faults in the order of lines.
    pub(super) fn finish(mut self) -> Vec<Fault> {
        self.faults.sort_by_key(|fault| fault.line);
        self.faults
    }

    /// Notes a fault of what stands at `at`.
    pub(super) fn fault(&mut self, at: Range<usize>, message: String) {
        let before = self.text.as_bytes().get(..at.start).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        self.faults.push(Fault { line, message });
    }

    /// Notes what the parser says.
    pub(super) fn syntax(&mut self, error: &Error) {
        self.fault(
            error.span().unwrap_or_default(),
            error.message().trim().replace('\n', ", "),
        );
    }

    /// Notes every key of a table that is not known.
    pub(super) fn only(&mut self, table: &DeTable<'_>, known: &[&str]) {
        for (key, _) in table {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let nearest = known
                .iter()
                .map(|known| (strsim::damerau_levenshtein(known, name), *known))
                .min()
                .filter(|(distance, _)| *distance <= 1 + name.chars().count() / 3);
            let hint = match nearest {
                Some((_, nearest)) => format!("did you mean `{nearest}`?"),
                None => format!("the keys here are `{}`", known.join("`, `")),
            };
            let message = format!("unknown key `{}`: {hint}", name.escape_debug());
            self.fault(key.span(), message);
        }
    }

    /// Notes that a key is missing, unless it is there with a fault of its own.
    pub(super) fn required(&mut self, table: &DeTable<'_>, key: &str, example: &str) {
        if !self.has(table, key) {
            self.fault(0..0, format!("`{key}` is missing, as in `{example}`"));
        }
    }

    /// Returns whether a table has a key.
    #[expect(clippy::unused_self, reason = "reads like its siblings")]
    pub(super) fn has(&self, table: &DeTable<'_>, key: &str) -> bool {
        value(table, key).is_some()
    }

    /// Reads a string and where it stands.
    pub(super) fn string(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
    ) -> Option<(String, Range<usize>)> {
        let value = value(table, key)?;
        match value.get_ref() {
            DeValue::String(text) => Some((text.as_ref().to_owned(), value.span())),
            other => {
                self.wrong_type(key, other, "a string", value.span());
                None
            }
        }
    }

    /// Reads a string that has something in it.
    pub(super) fn filled_string(&mut self, table: &DeTable<'_>, key: &str) -> Option<String> {
        let (text, at) = self.string(table, key)?;
        if text.trim().is_empty() {
            self.fault(at, format!("`{key}` is empty"));
            return None;
        }
        Some(text)
    }

    /// Reads a whole number from `least` to `most`.
    pub(super) fn number(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
        least: u64,
        most: u64,
    ) -> Option<u64> {
        let value = value(table, key)?;
        let DeValue::Integer(integer) = value.get_ref() else {
            self.wrong_type(key, value.get_ref(), "a whole number", value.span());
            return None;
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let message =
                format!("`{key}` is {integer}, a number from {least} to {most} is expected");
            self.fault(value.span(), message);
        }
        number
    }

    /// Reads a table and where it stands.
    pub(super) fn table<'d, 'i>(
        &mut self,
        table: &'d DeTable<'i>,
        key: &str,
    ) -> Option<(&'d DeTable<'i>, Range<usize>)> {
        let value = value(table, key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some((table, value.span())),
            other => {
                let wanted = format!("a table, as in `[{key}]`,");
                self.wrong_type(key, other, &wanted, value.span());
                None
            }
        }
    }

    fn wrong_type(&mut self, key: &str, found: &DeValue<'_>, wanted: &str, at: Range<usize>) {
        let found = match found {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.fault(at, format!("`{key}` is {found}, {wanted} is expected"));
    }
}

fn value<'d, 'i>(table: &'d DeTable<'i>, key: &str) -> Option<&'d Spanned<DeValue<'i>>> {
    table
        .iter()
        .find(|(name, _)| name.get_ref().as_ref() == key)
        .map(|(_, value)| value)
}
