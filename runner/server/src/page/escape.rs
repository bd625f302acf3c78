//! How every value that a template writes is made safe for HTML.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};

/// Escapes for HTML, and shows what would otherwise act unseen: control
/// characters and those that reorder a line. Line breaks and tabs stay.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: Write>(&self, mut dest: W, string: &str) -> fmt::Result {
        let mut rest = string;
        while let Some(at) = rest.find(is_odd) {
            let (plain, odd) = rest.split_at(at);
            Html.write_escaped_str(&mut dest, plain)?;
            let mut characters = odd.chars();
            if let Some(c) = characters.next() {
                write!(dest, "{}", c.escape_default())?;
            }
            rest = characters.as_str();
        }
        Html.write_escaped_str(dest, rest)
    }
}

fn is_odd(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use askama::filters::Escaper as _;

    use super::Visible;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        Visible.write_escaped_str(&mut out, text).unwrap();
        out
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            escaped("<script>alert('x' & \"y\")</script>"),
            "&#60;script&#62;alert(&#39;x&#39; &#38; &#34;y&#34;)&#60;/script&#62;"
        );
    }

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(escaped("a\u{1b}[2J\r\u{202e}b"), "a\\u{1b}[2J\\r\\u{202e}b");
        assert_eq!(escaped("a\n\tb Grüße 你好"), "a\n\tb Grüße 你好");
        assert_eq!(escaped("\u{0}"), "\\u{0}");
    }
}
