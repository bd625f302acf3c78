//! What came of running the program.

use std::fmt;

use serde_json::Value;

/// How an invocation ended and what it printed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The command line, for messages.
    pub command: String,
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Insists on an exit code.
    ///
    /// # Panics
    /// When the program ended in another way, or panicked.
    #[track_caller]
    #[must_use = "an exit code says little without what was printed; drop it with `let _`"]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        assert!(!self.stderr.contains("panicked at runner/"), "{self}");
        self
    }

    /// Insists on exit code 0.
    ///
    /// # Panics
    /// When the program ended in another way.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Returns the one JSON document on standard output.
    ///
    /// # Panics
    /// When there is none, or more than that.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(document) => document,
            Err(error) => panic!("not one JSON document ({error}): {self}"),
        }
    }

    /// Returns the JSON documents on standard output, one a line.
    ///
    /// # Panics
    /// When a line is none.
    #[track_caller]
    #[must_use]
    pub fn json_lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| match serde_json::from_str(line) {
                Ok(document) => document,
                Err(error) => panic!("{line:?} is not a JSON document ({error}): {self}"),
            })
            .collect()
    }

    /// Returns everything that it printed.
    #[must_use]
    pub fn printed(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Insists that a text was printed, whatever the case of its letters.
    ///
    /// # Panics
    /// When it was not.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        let printed = self.printed().to_lowercase();
        assert!(
            printed.contains(&text.to_lowercase()),
            "{text:?} is missing: {self}"
        );
        self
    }

    /// Insists on a stable error code, in the document if there is one.
    ///
    /// # Panics
    /// When it is another, or there is none.
    #[track_caller]
    pub fn fails_as(self, code: &str) -> Self {
        let document: Value = serde_json::from_str(&self.stdout).unwrap_or_default();
        let given = [&document["code"], &document["error"]["code"]]
            .into_iter()
            .find_map(Value::as_str);
        match given {
            Some(given) => assert_eq!(given, code, "{self}"),
            None => assert!(
                self.stderr.contains(&format!("[{code}]")),
                "no error {code}: {self}"
            ),
        }
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "`{}` ended with {:?}", self.command, self.code)?;
        writeln!(f, "--- standard output\n{}", self.stdout)?;
        writeln!(f, "--- standard error\n{}", self.stderr)
    }
}
