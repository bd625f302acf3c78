//! The one error of the command line: what happened, under which code, and what to do.

use std::error::Error as StdError;

use engine::{Code, Coded};
use serde_json::{Map, Value, json};

use crate::text::paragraph;

/// An error as it leaves the program.
#[derive(Debug)]
pub(crate) struct CliError {
    code: Code,
    /// The message, and what each cause adds to it.
    lines: Vec<String>,
    hints: Vec<String>,
    /// Further fields of the error's document; boxed, for most errors have none.
    fields: Box<Map<String, Value>>,
}

impl CliError {
    /// Makes an error from a message.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            lines: vec![message.into()],
            hints: Vec::new(),
            fields: Box::default(),
        }
    }

    /// Says that the command was used in a way that cannot work.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::UsageInvalid, message)
    }

    /// Makes an error from what failed and why.
    pub(crate) fn because(
        code: Code,
        message: impl Into<String>,
        cause: &(dyn StdError + 'static),
    ) -> Self {
        let mut error = Self::new(code, message);
        error.add_causes(Some(cause));
        error
    }

    /// Adds a hint, a sentence that says what to do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
        self
    }

    /// Adds fields to the error's document.
    #[must_use]
    pub(crate) fn with_fields(mut self, fields: Map<String, Value>) -> Self {
        self.fields = Box::new(fields);
        self
    }

    /// Returns the code.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// Returns message and causes in one line.
    pub(crate) fn message(&self) -> String {
        self.lines.join(": ")
    }

    /// Returns the error's message and causes, each safe for a terminal.
    pub(crate) fn lines(&self) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
        self.lines.iter().map(|line| paragraph(line))
    }

    /// Returns the hints.
    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Returns the error's document.
    pub(crate) fn document(&self) -> Value {
        let mut document = json!({
            "kind": "error",
            "version": 1,
            "code": self.code.as_str(),
            "message": self.message(),
            "hints": self.hints,
        });
        if let Value::Object(map) = &mut document {
            for (name, value) in self.fields.iter() {
                map.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        document
    }

    /// Adds each cause that says something that was not said before.
    fn add_causes(&mut self, mut cause: Option<&(dyn StdError + 'static)>) {
        while let Some(error) = cause {
            let text = error.to_string();
            if !self.lines.iter().any(|line| line.contains(&text)) {
                self.lines.push(text);
            }
            cause = error.source();
        }
    }
}

impl<E: Coded + 'static> From<E> for CliError {
    fn from(error: E) -> Self {
        let mut edge = Self::new(error.code(), error.to_string());
        edge.add_causes(error.source());
        for hint in error.hints() {
            edge = edge.hint(hint);
        }
        edge
    }
}

#[cfg(test)]
mod tests {
    use super::{CliError, Code, Coded};

    #[derive(Debug, thiserror::Error)]
    #[error("the database cannot be opened")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("permission denied")]
    struct Inner;

    impl Coded for Outer {
        fn code(&self) -> Code {
            Code::DataDirectoryUnusable
        }

        fn hints(&self) -> Vec<String> {
            vec!["check its owner".to_owned()]
        }
    }

    #[test]
    fn an_error_says_each_cause_once_and_keeps_code_and_hints() {
        let error = CliError::from(Outer(Inner)).hint("check its owner");
        insta::assert_json_snapshot!(error.document(), @r#"
        {
          "code": "data-directory-unusable",
          "hints": [
            "check its owner"
          ],
          "kind": "error",
          "message": "the database cannot be opened: permission denied",
          "version": 1
        }
        "#);
    }

    #[test]
    fn a_cause_that_the_message_holds_is_not_repeated() {
        let error = CliError::because(Code::Internal, "no: permission denied", &Inner);
        assert_eq!(error.message(), "no: permission denied");
    }
}
