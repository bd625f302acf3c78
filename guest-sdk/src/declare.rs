//! What a project declares, as the contract has it.
//!
//! The macros write these as literals; nothing here is meant for authors.

use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub struct Location {
    pub file: &'static str,
    pub line: u32,
}

#[derive(Debug, Clone, Serialize)]
pub struct SecretUse {
    pub name: &'static str,
    pub optional: bool,
    pub subscription: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct VariableUse {
    pub name: &'static str,
    pub optional: bool,
    pub default: Option<&'static str>,
    pub subscription: bool,
}

/// What an object that runs needs of its environment.
#[derive(Debug, Clone, Serialize)]
pub struct Needs {
    pub secrets: &'static [SecretUse],
    pub variables: &'static [VariableUse],
    pub hosts: &'static [&'static str],
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    None,
    Basic,
    ApiKey(&'static str),
    Oauth2(Oauth2),
}

#[derive(Debug, Clone, Serialize)]
pub struct Oauth2 {
    pub authorize_url: &'static str,
    pub token_url: &'static str,
    pub scopes: &'static [&'static str],
    pub app_config: &'static [&'static str],
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingType {
    Text,
    Number,
    Boolean,
    Choice(&'static [&'static str]),
}

#[derive(Debug, Clone, Serialize)]
pub struct UserSetting {
    pub name: &'static str,
    pub title: &'static str,
    pub of_type: SettingType,
    pub required: bool,
    /// A JSON text.
    pub default: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Integration {
    pub name: &'static str,
    pub title: &'static str,
    pub auth: Auth,
    pub settings: &'static [UserSetting],
    pub renamed_from: Option<&'static str>,
    pub location: Location,
}

#[derive(Debug, Clone, Serialize)]
pub struct Action {
    pub name: &'static str,
    pub title: &'static str,
    pub integration: Option<&'static str>,
    pub input: serde_json::Value,
    pub output: serde_json::Value,
    #[serde(flatten)]
    pub needs: Needs,
    pub timeout_ms: Option<u32>,
    pub idempotent: bool,
    pub renamed_from: Option<&'static str>,
    pub location: Location,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SigningKey {
    Secret(&'static str),
    Issued,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    Hex,
    Base64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Hmac {
    pub key: SigningKey,
    pub header: &'static str,
    pub digest: Digest,
    pub encoding: Encoding,
    pub prefix: &'static str,
    pub template: &'static str,
    pub timestamp_header: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    None,
    StandardWebhooks(SigningKey),
    Github(SigningKey),
    Stripe(SigningKey),
    Shopify(SigningKey),
    Slack(SigningKey),
    Hmac(Hmac),
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DedupeKey {
    Header(&'static str),
    Pointer(&'static str),
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Respond {
    Ack,
    Sync(u32),
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeOrder {
    Replace,
    Overlap,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct HookFlags {
    pub subscription: bool,
    pub refresh: bool,
    pub check: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct Webhook {
    pub name: &'static str,
    pub title: &'static str,
    pub integration: Option<&'static str>,
    pub per_user: bool,
    pub hooks: HookFlags,
    #[serde(flatten)]
    pub needs: Needs,
    pub signature: Signature,
    pub dedupe: Option<DedupeKey>,
    pub respond: Respond,
    pub silence_seconds: Option<u32>,
    pub order: ChangeOrder,
    pub challenge: Option<&'static str>,
    pub timeout_ms: Option<u32>,
    pub renamed_from: Option<&'static str>,
    pub location: Location,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CatchUp {
    Once,
    Skip,
}

#[derive(Debug, Clone, Serialize)]
pub struct Schedule {
    pub cron: &'static str,
    pub time_zone: &'static str,
    pub catch_up: CatchUp,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    Request,
    Webhook(&'static str),
    Event(&'static str),
    Schedule(Schedule),
}

#[derive(Debug, Clone, Serialize)]
pub struct Workflow {
    pub name: &'static str,
    pub title: &'static str,
    pub integration: Option<&'static str>,
    pub trigger: Trigger,
    pub on_by_default: bool,
    #[serde(flatten)]
    pub needs: Needs,
    pub timeout_ms: Option<u32>,
    pub renamed_from: Option<&'static str>,
    pub location: Location,
}

#[derive(Debug, Clone, Serialize)]
pub struct AppEvent {
    pub name: &'static str,
    pub title: &'static str,
    pub schema: serde_json::Value,
    pub renamed_from: Option<&'static str>,
    pub location: Location,
}

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Object {
    Integration(Integration),
    Action(Action),
    Webhook(Webhook),
    Workflow(Workflow),
    AppEvent(AppEvent),
}

impl Object {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Integration(it) => it.name,
            Self::Action(it) => it.name,
            Self::Webhook(it) => it.name,
            Self::Workflow(it) => it.name,
            Self::AppEvent(it) => it.name,
        }
    }

    pub(crate) fn location(&self) -> &Location {
        match self {
            Self::Integration(it) => &it.location,
            Self::Action(it) => &it.location,
            Self::Webhook(it) => &it.location,
            Self::Workflow(it) => &it.location,
            Self::AppEvent(it) => &it.location,
        }
    }

    /// The integration that it says it belongs to.
    pub(crate) fn integration(&self) -> Option<&'static str> {
        match self {
            Self::Action(it) => it.integration,
            Self::Webhook(it) => it.integration,
            Self::Workflow(it) => it.integration,
            Self::Integration(_) | Self::AppEvent(_) => None,
        }
    }

    #[cfg(not(target_os = "wasi"))]
    pub(crate) fn needs(&self) -> Option<&Needs> {
        match self {
            Self::Action(it) => Some(&it.needs),
            Self::Webhook(it) => Some(&it.needs),
            Self::Workflow(it) => Some(&it.needs),
            Self::Integration(_) | Self::AppEvent(_) => None,
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct ProjectUse {
    pub project: &'static str,
    pub used: Used,
    #[serde(skip)]
    pub location: Location,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Used {
    Action {
        name: &'static str,
        input: serde_json::Value,
        output: serde_json::Value,
    },
    Event {
        name: &'static str,
        schema: serde_json::Value,
    },
}

#[derive(Debug, Clone)]
pub enum Declaration {
    Object(Object),
    Use(ProjectUse),
}

#[derive(Debug, Clone, Serialize)]
pub struct DeployList {
    pub objects: Vec<Object>,
    pub uses: Vec<ProjectUse>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LocatedError {
    pub message: String,
    pub object: Option<String>,
    pub file: &'static str,
    pub line: u32,
}
