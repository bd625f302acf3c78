//! Texts that others wrote, made safe for a terminal.

use std::borrow::Cow;

use serde::Serialize;

/// Escapes what could move the cursor, recolour or reorder a line.
///
/// Line breaks are escaped too: the text stays one line.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    escape(text, is_odd)
}

/// Escapes like [`plain`], but keeps line breaks and tabs.
pub(crate) fn paragraph(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_odd(c) && c != '\n' && c != '\t')
}

/// Escapes like [`plain`] and cuts the text to a number of characters.
pub(crate) fn clip(text: &str, most: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= most {
        return text.into_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Writes a value as indented JSON that no terminal misreads; it stays the same JSON.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|_| "null".to_owned());
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_odd(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn escape(text: &str, odd: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&odd) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if odd(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Control characters, and those that reorder or split lines unseen.
fn is_odd(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{clip, json, paragraph, plain};

    #[test]
    fn a_guests_control_characters_are_shown_and_not_obeyed() {
        assert_eq!(plain("a\u{1b}[2J\r\nb"), "a\\u{1b}[2J\\r\\nb");
        assert_eq!(plain("\u{9b}31m \u{202e}abc"), "\\u{9b}31m \\u{202e}abc");
        assert_eq!(paragraph("a\n\tb\u{7}"), "a\n\tb\\u{7}");
        assert_eq!(plain("Grüße 你好"), "Grüße 你好");
    }

    #[test]
    fn json_for_people_is_still_the_same_json() {
        let value = serde_json::json!({"text": "\u{1b}[2J \u{9b} \u{202e} é"});
        let text = json(&value);
        assert!(
            !text
                .chars()
                .any(|c| c != '\n' && (c.is_control() || c == '\u{202e}'))
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }

    #[test]
    fn a_long_text_is_cut_with_a_sign() {
        assert_eq!(clip("abcdef", 4), "abc…");
        assert_eq!(clip("abcd", 4), "abcd");
    }
}
