//! Changes to a compiled component that need no compiler.

use serde_json::Value;

/// The mark of the text that the tests' guests take their settings from.
const MARK: &[u8] = b"TIDEGATE-SETTINGS:";

/// How long that text is, the mark included.
const LENGTH: usize = 256;

/// Returns a component with other settings.
///
/// # Panics
/// When it has no settings, or they are too long.
#[must_use]
pub fn with_settings(component: &[u8], settings: &Value) -> Vec<u8> {
    let mut marks = component
        .windows(LENGTH)
        .enumerate()
        // The mark alone also stands where the guest compares it.
        .filter(|(_, text)| text.starts_with(MARK) && text[MARK.len()] == b'{')
        .map(|(at, _)| at);
    let at = marks.next().expect("the component has settings");
    assert!(marks.next().is_none(), "the component has settings once");
    let settings = settings.to_string();
    let room = LENGTH - MARK.len();
    assert!(
        settings.len() <= room,
        "the settings are too long: {settings}"
    );
    let mut component = component.to_vec();
    let text = format!("{settings:<room$}");
    component[at + MARK.len()..at + LENGTH].copy_from_slice(text.as_bytes());
    component
}

/// Returns a component whose large table has another number of elements.
///
/// # Panics
/// When it has no table of 19,000 elements and a few, or the number needs
/// more or fewer bytes than that.
#[must_use]
pub fn set_table_size(component: &[u8], elements: u32) -> Vec<u8> {
    let mut tables = component
        .windows(8)
        .enumerate()
        // One table of functions, with a minimum and a maximum of three bytes each.
        .filter(|(_, bytes)| {
            bytes[..2] == [0x70, 1]
                && bytes[2..5] == bytes[5..8]
                && three_bytes(&bytes[2..5]).is_some_and(|n| (19_000..20_000).contains(&n))
        })
        .map(|(at, _)| at);
    let at = tables.next().expect("the component has a large table");
    assert!(tables.next().is_none(), "the component has one large table");
    let mut component = component.to_vec();
    for part in [at + 2, at + 5] {
        component[part..part + 3].copy_from_slice(&as_three_bytes(elements));
    }
    component
}

/// Reads a LEB128 number of exactly three bytes.
fn three_bytes(bytes: &[u8]) -> Option<u32> {
    let whole = bytes[0] >= 0x80 && bytes[1] >= 0x80 && bytes[2] < 0x80;
    let part = |n: usize| u32::from(bytes[n] & 0x7f) << (7 * n);
    whole.then(|| part(0) | part(1) | part(2))
}

fn as_three_bytes(number: u32) -> [u8; 3] {
    assert!(
        (1 << 14..1 << 21).contains(&number),
        "{number} is not three bytes"
    );
    let part = |n: u32| u8::try_from(number >> (7 * n) & 0x7f).expect("seven bits fit");
    [part(0) | 0x80, part(1) | 0x80, part(2)]
}

#[cfg(test)]
mod tests {
    use super::{as_three_bytes, three_bytes};

    #[test]
    fn a_number_of_three_bytes_is_read_as_it_was_written() {
        for number in [1 << 14, 19_042, 20_001, (1 << 21) - 1] {
            assert_eq!(three_bytes(&as_three_bytes(number)), Some(number));
        }
    }
}
