//! What is asked for, and answers that are no report of the engine's.

use std::fmt;
use std::net::SocketAddr;

use domain::{
    ArtifactDigest, DeployNumber, EnvironmentName, HostPort, ObjectName, RegistrationId, RunId,
};
use engine::{DeployReport, EnvironmentReport, LockReport, RegistrationReport, Selector};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::BuildBody;

/// How long a deploy waits for its steps unless it is told otherwise, in seconds.
const SETTLE_SECONDS: u64 = 60;

const fn settle_seconds() -> u64 {
    SETTLE_SECONDS
}

const fn yes() -> bool {
    true
}

/// A list, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Items<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to ask for to get those that follow, as `cursor`; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Items<T> {
    /// Makes a list that is all there is.
    #[must_use]
    pub const fn all(items: Vec<T>) -> Self {
        Self {
            items,
            next_cursor: None,
        }
    }
}

/// What is to be deployed, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployBody {
    /// A stored artifact; either this or `build`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<ArtifactDigest>,
    /// A build that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildBody>,
    /// The version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What the deployer says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is undone when a step fails.
    #[serde(default)]
    pub atomic: bool,
    /// Whether it waits while somebody else deploys.
    #[serde(default = "yes")]
    pub wait: bool,
    /// How long to wait for the steps.
    #[serde(default = "settle_seconds")]
    pub settle_timeout_seconds: u64,
    /// Whether it may disable everything.
    #[serde(default)]
    pub allow_remove_all: bool,
}

/// What is to be planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanBody {
    /// A stored artifact; either this or `build`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<ArtifactDigest>,
    /// A build that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildBody>,
}

/// Which deploy to go back to, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackBody {
    /// The deploy; by default the last live one with another artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<DeployNumber>,
    /// Whether it is undone when a step fails.
    #[serde(default)]
    pub atomic: bool,
    /// Whether it waits while somebody else deploys.
    #[serde(default = "yes")]
    pub wait: bool,
    /// How long to wait for the steps.
    #[serde(default = "settle_seconds")]
    pub settle_timeout_seconds: u64,
}

/// A deploy that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deploying {
    /// Its number.
    pub deploy: DeployNumber,
    /// Where its events are.
    pub events: String,
}

/// An input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputBody {
    /// The input; an empty record where none is given.
    #[serde(default = "empty")]
    pub input: Value,
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

/// What an app event says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventBody {
    /// The payload; an empty record where none is given.
    #[serde(default = "empty")]
    pub payload: Value,
}

/// Runs that were started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedRuns {
    /// Their ids.
    pub runs: Vec<RunId>,
}

/// On which artifact a run is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayBody {
    /// On the one that it ran on, in place of the one that is live.
    #[serde(default)]
    pub original: bool,
}

/// The name of a new environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentBody {
    /// The name.
    pub name: EnvironmentName,
}

/// What is to change about an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentChangeBody {
    /// The public URL; `null` takes it away, and without the field it stays.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "given"
    )]
    pub public_url: Option<Option<String>>,
    /// Private hosts to allow, each with its port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_hosts: Vec<String>,
    /// Private hosts to allow no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny_hosts: Vec<String>,
}

/// Tells `null` from a field that is not there.
fn given<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl EnvironmentChangeBody {
    /// Parses hosts.
    ///
    /// # Errors
    /// In words, what is wrong with the first that is none, or has no port.
    pub(crate) fn hosts(texts: &[String]) -> Result<Vec<HostPort>, String> {
        let parse = |text: &String| {
            let host: HostPort = text.parse().map_err(|error| format!("{error}"))?;
            match host.port {
                Some(_) => Ok(host),
                None => Err(format!("`{text}` has no port, as 127.0.0.1:8080 has")),
            }
        };
        texts.iter().map(parse).collect()
    }
}

/// An environment after a change, and the deploys that followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatedEnvironment {
    /// The environment.
    pub environment: EnvironmentReport,
    /// The deploys.
    pub reconfigures: Vec<DeployReport>,
}

/// An environment that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedEnvironmentBody {
    /// The environment, as it was.
    pub environment: EnvironmentReport,
    /// Registrations that were dropped though the provider may still hold them.
    pub forgotten: Vec<RegistrationReport>,
}

/// A text that is not shown by chance.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(pub String);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(domain::REDACTED)
    }
}

/// A value to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueBody {
    /// The value.
    pub value: SecretText,
}

/// Which registrations are meant: one, those of a webhook, or all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectorBody {
    /// This one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<RegistrationId>,
    /// Those of this webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<ObjectName>,
    /// All of them; nothing is done to all because a name was left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

impl From<&Selector> for SelectorBody {
    fn from(selector: &Selector) -> Self {
        match selector {
            Selector::All => Self {
                all: true,
                ..Self::default()
            },
            Selector::Registration(id) => Self {
                registration: Some(*id),
                ..Self::default()
            },
            Selector::Webhook(name) => Self {
                webhook: Some(name.clone()),
                ..Self::default()
            },
        }
    }
}

impl SelectorBody {
    /// Returns what is meant.
    ///
    /// # Errors
    /// In words, where it is not one of the three.
    pub(crate) fn selector(self) -> Result<Selector, String> {
        match (self.registration, self.webhook, self.all) {
            (Some(id), None, false) => Ok(Selector::Registration(id)),
            (None, Some(name), false) => Ok(Selector::Webhook(name)),
            (None, None, true) => Ok(Selector::All),
            _ => Err("one of `registration`, `webhook` and `\"all\": true` is needed".to_owned()),
        }
    }
}

/// Whether artifacts that nothing needs are removed, or only listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactGarbage {
    /// Only listed.
    #[serde(default)]
    pub dry_run: bool,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// Where the API and the pages are.
    pub api: SocketAddr,
    /// Where webhooks are received, if they are.
    pub ingress: Option<SocketAddr>,
}

/// The lease that was broken, if there was one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockBroken {
    /// The lease.
    pub broken: Option<LockReport>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{EnvironmentChangeBody, Selector, SelectorBody, ValueBody};

    #[test]
    fn a_public_url_that_is_not_named_stays_and_null_takes_it_away() {
        let read = |value| serde_json::from_value::<EnvironmentChangeBody>(value).unwrap();
        assert_eq!(read(json!({})).public_url, None);
        assert_eq!(read(json!({"public_url": null})).public_url, Some(None));
        let url = Some(Some("https://a.example".to_owned()));
        assert_eq!(
            read(json!({"public_url": "https://a.example"})).public_url,
            url
        );
    }

    #[test]
    fn all_registrations_are_meant_only_when_that_is_said() {
        let read = |value| {
            let body: SelectorBody = serde_json::from_value(value).unwrap();
            body.selector()
        };
        assert!(matches!(read(json!({"all": true})), Ok(Selector::All)));
        assert!(matches!(
            read(json!({"registration": 3})),
            Ok(Selector::Registration(_))
        ));
        assert!(read(json!({})).is_err());
        assert!(read(json!({"all": true, "webhook": "a"})).is_err());
    }

    #[test]
    fn a_value_shows_itself_nowhere() {
        let body: ValueBody = serde_json::from_value(json!({"value": "hunter2"})).unwrap();
        assert_eq!(format!("{body:?}"), "ValueBody { value: [redacted] }");
    }
}
