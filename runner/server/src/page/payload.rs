//! An input, an output or a body: as much of it as fits a page, or all.

use askama::Template;
use askama::filters::Safe;
use serde::Deserialize;
use serde_json::Value;

use super::text;

/// How much is shown unless all of it is asked for, in bytes.
const SHOWN: usize = 64 * 1024;

/// Whether the address asks for all of it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Whole {
    whole: Option<String>,
}

/// An input, an output or a body.
#[derive(Template)]
#[template(path = "parts/payload.html")]
pub(super) struct Payload {
    label: &'static str,
    text: String,
    /// The size of all of it, where this is only the beginning.
    cut_of: Option<String>,
}

impl Payload {
    /// Shows a value as JSON.
    pub(super) fn json(label: &'static str, value: &Value, whole: &Whole) -> Safe<Self> {
        Self::text(label, text::json(value), whole)
    }

    /// Shows a text.
    pub(super) fn text(label: &'static str, mut text: String, whole: &Whole) -> Safe<Self> {
        let size = text.len();
        let cut = size > SHOWN && whole.whole.is_none();
        if cut {
            text.truncate(text.floor_char_boundary(SHOWN));
        }
        Safe(Self {
            label,
            text,
            cut_of: cut.then(|| text::bytes(u64::try_from(size).unwrap_or(u64::MAX))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Payload, SHOWN, Whole};

    #[test]
    fn a_large_payload_is_cut_until_all_of_it_is_asked_for() {
        let large = "é".repeat(SHOWN);
        let cut = Payload::text("Output", large.clone(), &Whole::default()).0;
        assert!(cut.text.len() <= SHOWN && cut.cut_of.is_some());
        let all = Whole {
            whole: Some("1".to_owned()),
        };
        let whole = Payload::text("Output", large.clone(), &all).0;
        assert!(whole.text == large && whole.cut_of.is_none());
    }
}
