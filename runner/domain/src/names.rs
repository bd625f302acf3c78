//! Names that people give: parsed once at the edge, valid ever after.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most characters that a name may have.
pub const MAX_NAME: usize = 64;

/// Says why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{shown}` is not a name: {reason}")]
pub struct NameError {
    what: &'static str,
    shown: String,
    reason: String,
}

/// Checks the rule for names: 1 to 64 ASCII letters, digits, `-` and `_`.
///
/// # Errors
/// In words, what is wrong with the text.
pub(crate) fn check_name(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if let Some(odd) = text
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || *c == '-' || *c == '_'))
    {
        return Err(format!(
            "{} is not allowed, only the letters a to z and A to Z, digits, `-` and `_`",
            describe_char(odd)
        ));
    }
    if text.len() > MAX_NAME {
        return Err(format!(
            "it has {} characters, at most {MAX_NAME} are allowed",
            text.len()
        ));
    }
    Ok(())
}

/// Shows a character so that one that looks like another can be told from it.
fn describe_char(c: char) -> String {
    if c.is_ascii_graphic() {
        format!("`{c}`")
    } else {
        format!("the character U+{:04X}", u32::from(c))
    }
}

/// Cuts a text short enough to stand in an error and takes control characters out of it.
pub(crate) fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().count() > 80 {
        out.push('…');
    }
    out
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Returns the name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                match check_name(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(reason) => Err(NameError { what: $what, shown: shown(text), reason }),
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The name of a project, unique in its store.
    ProjectName,
    "the project"
);
name!(
    /// The name of an environment, such as `development`.
    EnvironmentName,
    "the environment"
);
name!(
    /// The name of an object, unique among its kind in a project and environment.
    ObjectName,
    "the object"
);
name!(
    /// The name of a secret, variable or entry of app configuration.
    ValueName,
    "the value"
);

impl EnvironmentName {
    /// Returns whether this is `development`, where an unset public URL has a default.
    #[must_use]
    pub fn is_development(&self) -> bool {
        self.0 == "development"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_1_to_64_letters_digits_dashes_and_underscores() {
        for good in ["a", "repository-events", "A_9", &"x".repeat(64)] {
            assert!(good.parse::<ObjectName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a b",
            "a.b",
            "a/b",
            "grееt",
            "a\u{200b}",
            &"x".repeat(65),
        ] {
            assert!(bad.parse::<ObjectName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_letter_that_looks_like_another_is_named_by_its_code_point() {
        let error = "gre\u{435}t".parse::<ObjectName>().unwrap_err().to_string();
        assert!(error.contains("U+0435"), "{error}");
    }
}
