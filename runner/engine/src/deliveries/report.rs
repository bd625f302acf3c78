//! What is shown of deliveries and of the addresses at which they come.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::{
    DeliveryId, EnvironmentName, ProjectName, REDACTED, RegistrationId, RunId, RunStatus,
    Timestamp, UserId,
};
use serde::{Deserialize, Serialize};
use store::{AddressOf, DeliveryRecord};

/// Headers by which a sender proves who it is: they are stored for the handler and not shown.
const SECRET_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Deliveries, and how the runs of all deliveries stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveriesReport {
    /// Those that were asked for, newest first.
    pub deliveries: Vec<DeliveryReport>,
    /// How many runs of deliveries there are in the environment, by status.
    pub runs: BTreeMap<RunStatus, u64>,
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryReport {
    /// Its id.
    pub delivery: DeliveryId,
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The webhook, by its name when the delivery came.
    pub webhook: String,
    /// The connected user that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The registration at whose address it came; absent where nobody subscribes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<RegistrationId>,
    /// When it came.
    pub received_at: Timestamp,
    /// What tells it from others; the same twice is handled once.
    pub key: Option<String>,
    /// How large its body was.
    pub size_bytes: u64,
    /// The newest run that handles it; absent once that is gone.
    pub run: Option<RunId>,
    /// How that run stands.
    pub status: Option<RunStatus>,
    /// How many attempts that run has had.
    pub attempts: u32,
    /// What came; only when one delivery is shown, and as long as it is kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub content: Option<DeliveryContentReport>,
}

/// What came in a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryContentReport {
    /// The method.
    pub method: String,
    /// Path and query after the address.
    pub query: String,
    /// The headers, in order.
    pub headers: Vec<HeaderReport>,
    /// The body, where it is text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<String>,
    /// The body in Base64, where it is no text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body_base64: Option<String>,
}

/// A header of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderReport {
    /// The name, in small letters.
    pub name: String,
    /// The value.
    pub value: String,
}

/// An address at which a webhook's deliveries come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressReport {
    /// The webhook.
    pub webhook: String,
    /// The connected user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The registration that it belongs to; absent where nobody subscribes and a person gives the
    /// address to the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<RegistrationId>,
    /// The address, where a person gives it to the provider; it needs the environment's public URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Since when deliveries may come there.
    pub since: Timestamp,
    /// When the last one came.
    pub last_delivery_at: Option<Timestamp>,
    /// Since when it is silent, once that is longer than the webhook declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Timestamp>,
}

pub(super) fn delivery(
    record: DeliveryRecord,
    project: &ProjectName,
    environment: &EnvironmentName,
    content: Option<DeliveryContentReport>,
) -> DeliveryReport {
    DeliveryReport {
        delivery: record.id,
        project: project.to_string(),
        environment: environment.to_string(),
        webhook: record.webhook.to_string(),
        user: record.user,
        registration: registration(record.address),
        received_at: record.received_at,
        key: record.dedupe,
        size_bytes: record.size,
        run: record.run,
        status: record.status,
        attempts: record.attempts,
        content,
    }
}

pub(super) const fn registration(address: AddressOf) -> Option<RegistrationId> {
    match address {
        AddressOf::Registration(id) => Some(id),
        AddressOf::Endpoint(_) => None,
    }
}

pub(super) fn content(record: &DeliveryRecord, body: Vec<u8>) -> DeliveryContentReport {
    let (body, body_base64) = match String::from_utf8(body) {
        Ok(text) => (Some(text), None),
        Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
    };
    DeliveryContentReport {
        method: record.method.clone(),
        query: record.query.clone(),
        headers: record
            .headers
            .iter()
            .map(|(name, value)| HeaderReport {
                name: name.clone(),
                value: if SECRET_HEADERS.contains(&name.as_str()) {
                    REDACTED.to_owned()
                } else {
                    String::from_utf8_lossy(value).into_owned()
                },
            })
            .collect(),
        body,
        body_base64,
    }
}
