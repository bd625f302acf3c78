//! How this component behaves, as a text in its own code that can be overwritten
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

/// How the component behaves.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Stands in every title and in the `User-Agent`.
    pub(crate) version: String,
    /// How many webhooks there are.
    pub(crate) count: u32,
    /// Whether they have `check`.
    pub(crate) check: bool,
    /// Whether they change by overlap.
    pub(crate) overlap: bool,
    /// Goes into the subscription props: another one makes every subscription anew.
    pub(crate) basis: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: "1".to_owned(),
            count: 20,
            check: true,
            overlap: false,
            basis: String::new(),
        }
    }
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
