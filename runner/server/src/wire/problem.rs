//! Problem documents, as RFC 9457 has them.

use engine::{Code, Coded};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The media type of a problem document.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// Says why a request did not lead to what it asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The kind of problem, as a URN of its code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem, in words that never change.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The stable code.
    pub code: String,
    /// What led to it, each adding something to the detail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// What else there is to know, such as `violations` or the `deploy` that failed.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

impl Problem {
    /// Makes a problem of a code and what happened.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:tidegate:problem:{code}"),
            title: code.as_str().replace('-', " "),
            status: crate::status::of(code).as_u16(),
            detail: detail.into(),
            code: code.as_str().to_owned(),
            causes: Vec::new(),
            hints: Vec::new(),
            members: Map::new(),
        }
    }

    /// Makes a problem of an error, with all that caused it.
    #[must_use]
    pub fn of<E: Coded + 'static>(error: &E) -> Self {
        let mut problem = Self::new(error.code(), error.to_string());
        problem.hints = error.hints();
        let mut cause = error.source();
        while let Some(error) = cause {
            problem.add_cause(error.to_string());
            cause = error.source();
        }
        problem
    }

    /// Adds a further member; what has no JSON form is left out.
    ///
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.members.insert(name.to_owned(), value);
        }
        self
    }

    /// Returns the code, if this program knows it.
    #[must_use]
    pub fn known_code(&self) -> Option<Code> {
        Code::from_name(&self.code)
    }

    /// Adds what says something that was not said before.
    fn add_cause(&mut self, text: String) {
        let said = self.detail.contains(&text) || self.causes.iter().any(|c| c.contains(&text));
        if !said {
            self.causes.push(text);
        }
    }
}
