//! Values that must never be shown.

use std::fmt;

/// The least length, in bytes, at which a secret's value is looked for in texts.
///
/// Shorter values occur by chance in ordinary output.
pub const REDACTED_FROM: usize = 8;

/// What stands where a secret's value stood.
pub const REDACTED: &str = "[redacted]";

/// A secret's value; neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the value itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Takes the values of secrets out of texts that guests wrote.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that a value that contains another goes whole.
    values: Vec<String>,
}

impl Redactor {
    /// Prepares for these secrets; those shorter than [`REDACTED_FROM`] bytes are passed over.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut values: Vec<String> = secrets
            .into_iter()
            .map(|secret| secret.0.clone())
            .filter(|value| value.len() >= REDACTED_FROM)
            .collect();
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        Self { values }
    }

    /// Returns the text with each value replaced by [`REDACTED`].
    #[must_use]
    pub fn redact(&self, text: String) -> String {
        let mut text = text;
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), REDACTED);
            }
        }
        text
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} values)", self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_nowhere() {
        let secret = Secret::new("hunter2-hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
    }

    #[test]
    fn values_of_8_bytes_or_more_are_taken_out_longest_first() {
        let secrets = ["12345678", "1234567890", "short"].map(Secret::new);
        let redactor = Redactor::new(&secrets);
        assert_eq!(
            redactor.redact("a 1234567890 b 12345678 c short".to_owned()),
            "a [redacted] b [redacted] c short"
        );
    }
}
