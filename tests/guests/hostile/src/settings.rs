//! What `collect` does, as a text in the component's own code that tests overwrite
//! without compiling it anew.

use serde::Deserialize;

const LENGTH: usize = 256;
const MARK: &str = "TIDEGATE-SETTINGS:";

/// The mark, then a JSON object, then spaces.
static SETTINGS: [u8; LENGTH] = padded("TIDEGATE-SETTINGS:{}");

const fn padded(text: &str) -> [u8; LENGTH] {
    let mut bytes = [b' '; LENGTH];
    let mut at = 0;
    while at < text.len() {
        bytes[at] = text.as_bytes()[at];
        at += 1;
    }
    bytes
}

/// What `collect` and the hooks do.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Names what `collect` does before it answers.
    pub(crate) collect: String,
    /// How much of it.
    pub(crate) amount: u64,
    /// Whether there are the two webhooks of which one never ends.
    pub(crate) webhooks: bool,
    /// Names what `subscription-props` does before it answers.
    pub(crate) props: String,
}

impl Settings {
    /// Reads what the component was given.
    pub(crate) fn read() -> Self {
        // A volatile read, lest the compiler use what it sees here.
        let bytes = unsafe { std::ptr::read_volatile(&raw const SETTINGS) };
        let text = str::from_utf8(&bytes).expect("the settings are UTF-8");
        let json = text
            .strip_prefix(MARK)
            .expect("the mark is never overwritten");
        serde_json::from_str(json.trim_end()).expect("the settings are as declared")
    }
}
