//! Durations as authors write them: `500ms`, `5s`, `2m`, `24h`, `7d`.

use syn::{Error, LitStr, Result};

/// Reads a duration of at least 1 ms that fits the contract's 32 bits.
pub(crate) fn milliseconds(text: &LitStr) -> Result<u32> {
    parse(&text.value()).map_err(|message| Error::new(text.span(), message))
}

/// Reads a duration in whole seconds, at least one.
pub(crate) fn seconds(text: &LitStr) -> Result<u32> {
    let value = text.value();
    let result = match unit(&value) {
        Some((number, unit)) if unit >= 1000 => number
            .checked_mul(unit / 1000)
            .and_then(|seconds| u32::try_from(seconds).ok())
            .filter(|seconds| *seconds > 0)
            .ok_or("a duration is more than nothing and at most 2^32 - 1 seconds"),
        _ => Err(
            "expected a duration in seconds or more, such as \"30s\", \"2m\", \"24h\" or \"7d\"",
        ),
    };
    result.map_err(|message| Error::new(text.span(), message))
}

fn parse(text: &str) -> std::result::Result<u32, &'static str> {
    let (number, unit) = unit(text)
        .ok_or("expected a duration such as \"500ms\", \"5s\", \"2m\", \"24h\" or \"7d\"")?;
    number
        .checked_mul(unit)
        .and_then(|ms| u32::try_from(ms).ok())
        .filter(|ms| *ms > 0)
        .ok_or("a duration is more than nothing and at most 49 days")
}

/// The number, and how many milliseconds its unit has.
fn unit(text: &str) -> Option<(u64, u64)> {
    const UNITS: [(&str, u64); 5] = [
        ("ms", 1),
        ("s", 1000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
    ];
    UNITS.iter().find_map(|(suffix, unit)| {
        let number = text.strip_suffix(suffix)?;
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| number.parse().ok().map(|number| (number, *unit)))?
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        for (text, expected) in [
            ("500ms", Some(500)),
            ("5s", Some(5_000)),
            ("2m", Some(120_000)),
            ("24h", Some(86_400_000)),
            ("49d", Some(4_233_600_000)),
            ("50d", None),
            ("0s", None),
            ("5", None),
            ("s", None),
            ("-5s", None),
            ("5 s", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
    }
}
