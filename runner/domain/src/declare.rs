//! What a project declares, as its guest returned it: not yet validated.
//!
//! The types mirror the contract one to one. Their JSON form is what the store
//! keeps and what a deploy list's hash is computed from, so a change of it
//! needs a new format number in `list`. Where something stands in the source
//! is no part of that form: moving a line changes no hash.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where in the author's source something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Location {
    /// The file, relative to the project where the SDK knows it.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The kinds of object, in the order in which lists show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A third party, with how users connect to it.
    Integration,
    /// An operation that is called.
    Action,
    /// An endpoint that a third party calls.
    Webhook,
    /// An operation that something triggers.
    Workflow,
    /// An event that the team's product sends.
    AppEvent,
}

impl ObjectKind {
    /// All kinds, in order.
    pub const ALL: [Self; 5] = [
        Self::Integration,
        Self::Action,
        Self::Webhook,
        Self::Workflow,
        Self::AppEvent,
    ];

    /// Returns the kind's stable name, as the JSON form and the store have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Integration => "integration",
            Self::Action => "action",
            Self::Webhook => "webhook",
            Self::Workflow => "workflow",
            Self::AppEvent => "app_event",
        }
    }

    /// Returns the kind with this stable name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AppEvent => "app event",
            other => other.as_str(),
        })
    }
}

/// The use of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretUse {
    /// The secret's name.
    pub name: String,
    /// Whether the object can do its work without a value.
    pub optional: bool,
    /// Whether a subscription depends on it.
    pub subscription: bool,
}

/// The use of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableUse {
    /// The variable's name.
    pub name: String,
    /// Whether the object can do its work without a value.
    pub optional: bool,
    /// What it is when none is set.
    pub default: Option<String>,
    /// Whether a subscription depends on it.
    pub subscription: bool,
}

/// How users connect to an integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Auth {
    /// Not at all.
    None,
    /// With a user name and a password.
    Basic,
    /// With a key.
    ApiKey {
        /// What the user is asked for.
        title: String,
    },
    /// By OAuth 2.
    Oauth2 {
        /// Where the user is sent.
        authorize_url: String,
        /// Where codes and refresh tokens are exchanged.
        token_url: String,
        /// The scopes asked for.
        scopes: Vec<String>,
        /// Names of the app configuration it needs.
        app_config: Vec<String>,
    },
}

/// The type of a user setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SettingType {
    /// A string.
    Text,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// One of several strings.
    Choice {
        /// The strings.
        values: Vec<String>,
    },
}

/// A setting that each connected user has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSetting {
    /// The setting's name.
    pub name: String,
    /// Its title, for people.
    pub title: String,
    /// Its type.
    pub of_type: SettingType,
    /// Whether a user must give it a value.
    pub required: bool,
    /// Its default, a JSON text.
    pub default: Option<String>,
}

/// An integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// Its name.
    pub name: String,
    /// Its title, for people.
    pub title: String,
    /// How users connect.
    pub auth: Auth,
    /// What users set.
    pub settings: Vec<UserSetting>,
    /// The name it had before.
    pub renamed_from: Option<String>,
    /// Where it is declared.
    #[serde(skip)]
    pub location: Option<Location>,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// Its title, for people.
    pub title: String,
    /// The integration it belongs to.
    pub integration: Option<String>,
    /// JSON Schema of its input.
    #[serde(with = "json_text")]
    pub input: String,
    /// JSON Schema of its output.
    #[serde(with = "json_text")]
    pub output: String,
    /// The secrets it uses.
    pub secrets: Vec<SecretUse>,
    /// The variables it uses.
    pub variables: Vec<VariableUse>,
    /// The hosts it may call.
    pub hosts: Vec<String>,
    /// Its wall time limit in milliseconds.
    pub timeout_ms: Option<u32>,
    /// Whether it may be repeated after a crash.
    pub idempotent: bool,
    /// The name it had before.
    pub renamed_from: Option<String>,
    /// Where it is declared.
    #[serde(skip)]
    pub location: Option<Location>,
}

/// Where the key that signs deliveries comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum SigningKey {
    /// A declared secret.
    Secret {
        /// The secret's name.
        name: String,
    },
    /// The provider issues it at `subscribe`.
    Issued,
}

/// A digest that generic HMAC signatures use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HmacDigest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How a signature is written in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureEncoding {
    /// Hexadecimal digits.
    Hex,
    /// Base64.
    Base64,
}

/// How a provider signs its deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "snake_case")]
pub enum Signature {
    /// Not at all.
    None,
    /// As Standard Webhooks says.
    StandardWebhooks {
        /// The key.
        key: SigningKey,
    },
    /// As GitHub does.
    Github {
        /// The key.
        key: SigningKey,
    },
    /// As Stripe does.
    Stripe {
        /// The key.
        key: SigningKey,
    },
    /// As Shopify does.
    Shopify {
        /// The key.
        key: SigningKey,
    },
    /// As Slack does.
    Slack {
        /// The key.
        key: SigningKey,
    },
    /// By an HMAC whose parts are declared.
    Hmac {
        /// The key.
        key: SigningKey,
        /// The header that carries the signature.
        header: String,
        /// The digest.
        digest: HmacDigest,
        /// The signature's encoding.
        encoding: SignatureEncoding,
        /// What stands before the signature.
        prefix: String,
        /// What is signed, with `{body}` and `{timestamp}` in it.
        template: String,
        /// The header that carries the time in seconds.
        timestamp_header: Option<String>,
    },
}

impl Signature {
    /// Returns where the key comes from, if deliveries are signed.
    #[must_use]
    pub const fn key(&self) -> Option<&SigningKey> {
        match self {
            Self::None => None,
            Self::StandardWebhooks { key }
            | Self::Github { key }
            | Self::Stripe { key }
            | Self::Shopify { key }
            | Self::Slack { key }
            | Self::Hmac { key, .. } => Some(key),
        }
    }

    /// Returns whether the provider issues the key at `subscribe`.
    #[must_use]
    pub const fn needs_issued_key(&self) -> bool {
        matches!(self.key(), Some(SigningKey::Issued))
    }
}

/// How two deliveries are known to be the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DedupeKey {
    /// By a header's value.
    Header(String),
    /// By what a JSON Pointer (RFC 6901) finds in the body.
    Pointer(String),
}

/// When a delivery is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "when", rename_all = "snake_case")]
pub enum Respond {
    /// As soon as it is stored.
    Ack,
    /// By the handler.
    Sync {
        /// Within this many milliseconds.
        deadline_ms: u32,
    },
}

/// What comes first when a subscription is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOrder {
    /// Unsubscribe, then subscribe.
    Replace,
    /// Subscribe, then unsubscribe.
    Overlap,
}

/// The hooks that a webhook has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hooks {
    /// `subscription-props`, `subscribe` and `unsubscribe`.
    pub subscription: bool,
    /// `refresh`.
    pub refresh: bool,
    /// `check`.
    pub check: bool,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its name.
    pub name: String,
    /// Its title, for people.
    pub title: String,
    /// The integration it belongs to.
    pub integration: Option<String>,
    /// Whether each connected user has a subscription of their own.
    pub per_user: bool,
    /// The hooks it has.
    pub hooks: Hooks,
    /// The secrets it uses.
    pub secrets: Vec<SecretUse>,
    /// The variables it uses.
    pub variables: Vec<VariableUse>,
    /// The hosts it may call.
    pub hosts: Vec<String>,
    /// How deliveries are signed.
    pub signature: Signature,
    /// How duplicates are found; by the provider's id if not said.
    pub dedupe: Option<DedupeKey>,
    /// When deliveries are answered.
    pub respond: Respond,
    /// Seconds without a delivery after which a live registration is suspect.
    pub silence_seconds: Option<u32>,
    /// What comes first when a subscription is replaced.
    pub order: ChangeOrder,
    /// The query parameter whose value answers a GET request.
    pub challenge: Option<String>,
    /// The wall time limit of its operations in milliseconds.
    pub timeout_ms: Option<u32>,
    /// The name it had before.
    pub renamed_from: Option<String>,
    /// Where it is declared.
    #[serde(skip)]
    pub location: Option<Location>,
}

/// What happens to ticks that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// One run for all of them.
    Once,
    /// None.
    Skip,
}

/// What starts a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "snake_case")]
pub enum Trigger {
    /// A request.
    Request,
    /// A delivery to a webhook of this project.
    Webhook {
        /// The webhook's name.
        name: String,
    },
    /// An app event of this project.
    Event {
        /// The event's name.
        name: String,
    },
    /// The clock.
    Schedule {
        /// Five fields.
        cron: String,
        /// An IANA time zone.
        time_zone: String,
        /// What happens to missed ticks.
        catch_up: CatchUp,
    },
}

/// A workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// Its name.
    pub name: String,
    /// Its title, for people.
    pub title: String,
    /// The integration it belongs to.
    pub integration: Option<String>,
    /// What starts it.
    pub trigger: Trigger,
    /// Whether it is on for a user who has not said otherwise.
    pub on_by_default: bool,
    /// The secrets it uses.
    pub secrets: Vec<SecretUse>,
    /// The variables it uses.
    pub variables: Vec<VariableUse>,
    /// The hosts it may call.
    pub hosts: Vec<String>,
    /// Its wall time limit in milliseconds.
    pub timeout_ms: Option<u32>,
    /// The name it had before.
    pub renamed_from: Option<String>,
    /// Where it is declared.
    #[serde(skip)]
    pub location: Option<Location>,
}

/// An app event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppEvent {
    /// Its name.
    pub name: String,
    /// Its title, for people.
    pub title: String,
    /// JSON Schema of the event.
    #[serde(with = "json_text")]
    pub schema: String,
    /// The name it had before.
    pub renamed_from: Option<String>,
    /// Where it is declared.
    #[serde(skip)]
    pub location: Option<Location>,
}

/// Anything that a project declares by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Object {
    /// An integration.
    Integration(Integration),
    /// An action.
    Action(Action),
    /// A webhook.
    Webhook(Webhook),
    /// A workflow.
    Workflow(Workflow),
    /// An app event.
    AppEvent(AppEvent),
}

/// Picks the same field out of whichever kind of object there is.
macro_rules! of_any {
    ($object:expr, $item:ident => $value:expr) => {
        match $object {
            Object::Integration($item) => $value,
            Object::Action($item) => $value,
            Object::Webhook($item) => $value,
            Object::Workflow($item) => $value,
            Object::AppEvent($item) => $value,
        }
    };
}

impl Object {
    /// Returns the object's kind.
    #[must_use]
    pub const fn kind(&self) -> ObjectKind {
        match self {
            Self::Integration(_) => ObjectKind::Integration,
            Self::Action(_) => ObjectKind::Action,
            Self::Webhook(_) => ObjectKind::Webhook,
            Self::Workflow(_) => ObjectKind::Workflow,
            Self::AppEvent(_) => ObjectKind::AppEvent,
        }
    }

    /// Returns the object's name as declared.
    #[must_use]
    pub fn name(&self) -> &str {
        of_any!(self, item => &item.name)
    }

    /// Returns the name it had before.
    #[must_use]
    pub fn renamed_from(&self) -> Option<&str> {
        of_any!(self, item => item.renamed_from.as_deref())
    }

    /// Returns where it is declared.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        of_any!(self, item => item.location.as_ref())
    }

    /// Returns the integration that it belongs to.
    #[must_use]
    pub fn integration(&self) -> Option<&str> {
        match self {
            Self::Action(item) => item.integration.as_deref(),
            Self::Webhook(item) => item.integration.as_deref(),
            Self::Workflow(item) => item.integration.as_deref(),
            Self::Integration(_) | Self::AppEvent(_) => None,
        }
    }

    /// Returns the secrets that it uses.
    #[must_use]
    pub fn secrets(&self) -> &[SecretUse] {
        match self {
            Self::Action(item) => &item.secrets,
            Self::Webhook(item) => &item.secrets,
            Self::Workflow(item) => &item.secrets,
            Self::Integration(_) | Self::AppEvent(_) => &[],
        }
    }

    /// Returns the variables that it uses.
    #[must_use]
    pub fn variables(&self) -> &[VariableUse] {
        match self {
            Self::Action(item) => &item.variables,
            Self::Webhook(item) => &item.variables,
            Self::Workflow(item) => &item.variables,
            Self::Integration(_) | Self::AppEvent(_) => &[],
        }
    }

    /// Returns the hosts that it may call, as declared.
    #[must_use]
    pub fn hosts(&self) -> &[String] {
        match self {
            Self::Action(item) => &item.hosts,
            Self::Webhook(item) => &item.hosts,
            Self::Workflow(item) => &item.hosts,
            Self::Integration(_) | Self::AppEvent(_) => &[],
        }
    }

    /// Returns the wall time limit of its operations in milliseconds.
    #[must_use]
    pub const fn timeout_ms(&self) -> Option<u32> {
        match self {
            Self::Action(item) => item.timeout_ms,
            Self::Webhook(item) => item.timeout_ms,
            Self::Workflow(item) => item.timeout_ms,
            Self::Integration(_) | Self::AppEvent(_) => None,
        }
    }
}

/// The action or event of another project that is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Used {
    /// An action that is called.
    Action {
        /// The action's name.
        name: String,
        /// JSON Schema of what is sent.
        #[serde(with = "json_text")]
        input: String,
        /// JSON Schema of what is read.
        #[serde(with = "json_text")]
        output: String,
    },
    /// An event that is listened to.
    Event {
        /// The event's name.
        name: String,
        /// JSON Schema of what is read.
        #[serde(with = "json_text")]
        schema: String,
    },
}

/// The use of another project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectUse {
    /// The other project's name.
    pub project: String,
    /// What of it is used.
    pub used: Used,
}

/// Everything that a project declares, in the order in which its guest gave it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeployList {
    /// The objects.
    pub objects: Vec<Object>,
    /// The uses of other projects.
    pub uses: Vec<ProjectUse>,
}

/// Something wrong with a declaration, found by the guest or by the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What is wrong, in words.
    pub message: String,
    /// The object it concerns, as `kind name`.
    pub object: Option<String>,
    /// Where that is declared.
    pub location: Option<Location>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{location}: ")?;
        }
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Keeps a JSON text as a JSON value in the serialised form, so that white
/// space and the order of keys in it mean nothing. A text that is no JSON is
/// kept as a string: validation refuses it later, with its reason.
mod json_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Value;

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<Value>(text) {
            Ok(value) => value.serialize(serializer),
            Err(_) => text.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<String, D::Error> {
        Value::deserialize(deserializer).map(|value| crate::canonical::canonical(&value))
    }
}
