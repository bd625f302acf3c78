//! Looking for bytes where they must not be.

use std::fs;
use std::path::{Path, PathBuf};

/// Where something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The file.
    pub file: PathBuf,
    /// In which form: `raw`, `base64` or `hex`.
    pub form: &'static str,
}

/// Searches every file below a directory for a value: as it is, in hexadecimal
/// of either case and in base64 at each of its three alignments.
///
/// # Panics
/// When a file cannot be read.
#[must_use]
pub fn occurrences(directory: &Path, value: &str) -> Vec<Occurrence> {
    let forms = forms(value.as_bytes());
    let mut found = Vec::new();
    for file in files(directory) {
        let bytes = fs::read(&file).expect("a test reads what it made");
        for (form, pattern) in &forms {
            if contains(&bytes, pattern) {
                found.push(Occurrence {
                    file: file.clone(),
                    form,
                });
            }
        }
    }
    found
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = fs::read_dir(directory).expect("a test reads what it made");
    for entry in entries {
        let path = entry.expect("a test reads what it made").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

fn contains(bytes: &[u8], pattern: &[u8]) -> bool {
    let first = pattern[0];
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        if rest[at..].starts_with(pattern) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        ("raw", value.to_vec()),
        ("hex", hex.to_uppercase().into_bytes()),
        ("hex", hex.into_bytes()),
    ];
    for url_safe in [false, true] {
        forms.extend((0..3).map(|shift| ("base64", base64(value, shift, url_safe))));
    }
    forms
}

/// Returns the part of a base64 text that depends on `value` alone, wherever it
/// stands in what was encoded: `shift` bytes after a multiple of three.
fn base64(value: &[u8], shift: usize, url_safe: bool) -> Vec<u8> {
    let last = if url_safe { b"-_" } else { b"+/" };
    let digit = |bits: u32| match u8::try_from(bits & 63).expect("six bits fit") {
        n @ 0..26 => b'A' + n,
        n @ 26..52 => b'a' + n - 26,
        n @ 52..62 => b'0' + n - 52,
        n => last[usize::from(n - 62)],
    };
    let whole = (3 - shift) % 3;
    value[whole..]
        .chunks_exact(3)
        .flat_map(|bytes| {
            let bits = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
            [bits >> 18, bits >> 12, bits >> 6, bits].map(digit)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{forms, occurrences};
    use std::fs;

    #[test]
    fn a_value_is_found_in_every_form_and_at_every_alignment() {
        let directory = tempfile::tempdir().expect("there is room for a directory");
        let value = "hunter2-hunter2";
        // `printf 'xhunter2-hunter2y' | base64` and so on.
        let planted = [
            ("raw", "…hunter2-hunter2…"),
            ("hex", "68756E746572322D68756E74657232"),
            ("base64", "aHVudGVyMi1odW50ZXIy"),
            ("base64", "eGh1bnRlcjItaHVudGVyMnk="),
            ("base64", "eHhodW50ZXIyLWh1bnRlcjJ5"),
        ];
        for (form, text) in planted {
            fs::write(directory.path().join("file"), text).expect("there is room for a file");
            let found = occurrences(directory.path(), value);
            assert_eq!(
                found.len(),
                if form == "base64" { 2 } else { 1 },
                "{text} {found:?}"
            );
            assert_eq!(found[0].form, form);
        }
        fs::write(directory.path().join("file"), "hunter2-hunter3").expect("there is room");
        assert_eq!(occurrences(directory.path(), value), []);
        assert_eq!(forms(value.as_bytes()).len(), 9);
    }
}
