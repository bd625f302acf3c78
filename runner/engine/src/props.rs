//! What each webhook's subscription depends on, asked of the new artifact.

use std::collections::BTreeMap;

use domain::declare::{Object, Webhook};
use domain::{
    CheckedList, EnvironmentName, ObjectKind, ObjectName, Place, PropsOutcome, Redactor, Snapshot,
    SubscriptionBasis, ValueKey, ValueKind, WebhookProps,
};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use sandbox::{Call, Output};

use crate::engine::Engine;
use crate::error::DeployFailure;
use crate::grants::{self, Scope, User, Values};
use crate::guests::Guest;
use crate::recorder::Recorder;

/// The address that providers deliver to in `development` where none is set.
const DEVELOPMENT_URL: &str = "http://127.0.0.1:4601";

const SIDE_BY_SIDE: usize = 8;

/// What the props of a list were asked with.
pub(crate) struct Asked {
    pub(crate) props: Vec<WebhookProps>,
    pub(crate) values: Values,
    pub(crate) public_url: Option<String>,
}

/// Whom the props are asked of, and for where.
pub(crate) struct Asking<'a> {
    pub(crate) place: Place,
    pub(crate) environment: &'a store::Environment,
    pub(crate) guest: &'a dyn Guest,
    pub(crate) list: &'a CheckedList,
    pub(crate) recorder: Option<&'a Recorder<'a>>,
}

impl Engine {
    /// Asks every webhook with subscription hooks, per connected user where it is per user.
    pub(crate) async fn ask_props(&self, asking: &Asking<'_>) -> Result<Asked, DeployFailure> {
        let values = self.values(asking.place, asking.list).await?;
        let users = if asking.list.webhooks().any(|(_, webhook)| webhook.per_user) {
            self.users(asking.place).await?
        } else {
            Vec::new()
        };
        let mut asked: Vec<BoxFuture<'_, _>> = Vec::new();
        for (name, webhook) in asking.list.webhooks() {
            if !webhook.hooks.subscription {
                continue;
            }
            if webhook.per_user {
                for user in &users {
                    asked.push(self.ask(asking, &values, name, Some(user)).boxed());
                }
            } else {
                asked.push(self.ask(asking, &values, name, None).boxed());
            }
        }
        let props = stream::iter(asked)
            .buffered(SIDE_BY_SIDE)
            .try_collect()
            .await?;
        Ok(Asked {
            props,
            values,
            public_url: asking.environment.public_url.clone(),
        })
    }

    async fn ask(
        &self,
        asking: &Asking<'_>,
        values: &Values,
        name: &ObjectName,
        user: Option<&User>,
    ) -> Result<WebhookProps, DeployFailure> {
        let outcome = match self.outcome(asking, values, name, user).await {
            Ok(outcome) => outcome,
            // One user's fault is no reason to keep the others from a deploy.
            Err(message) if user.is_some() => {
                PropsOutcome::Failed(format!("subscription-props failed: {message}"))
            }
            Err(message) => {
                return Err(DeployFailure::Props {
                    webhook: name.to_string(),
                    message,
                });
            }
        };
        Ok(WebhookProps {
            webhook: name.clone(),
            user: user.map(|user| user.id.clone()),
            outcome,
        })
    }

    async fn outcome(
        &self,
        asking: &Asking<'_>,
        values: &Values,
        name: &ObjectName,
        user: Option<&User>,
    ) -> Result<PropsOutcome, String> {
        let Some(item) = asking.list.find(ObjectKind::Webhook, name.as_str()) else {
            return Err("the list has no such webhook".to_owned());
        };
        let Object::Webhook(webhook) = &item.object else {
            return Err("it is no webhook".to_owned());
        };
        let mut missing: Vec<String> = grants::missing(&item.object, values, None)
            .iter()
            .map(value_label)
            .collect();
        let public_url = public_url(
            &asking.environment.name,
            asking.environment.public_url.as_deref(),
        );
        if public_url.is_none() {
            missing.push("the environment's public URL".to_owned());
        }
        let Some(public_url) = public_url.filter(|_| missing.is_empty()) else {
            return Ok(PropsOutcome::Unconfigured(missing));
        };
        let scope = Scope {
            environment: asking.environment.name.as_str(),
            allowed_private: &[],
            list: asking.list,
            values,
            recorded: None,
            user,
            kv: None,
            limits: self.limits.collect,
        };
        let call = Call::SubscriptionProps {
            webhook: name.to_string(),
            user: user.map(|user| user.id.clone()),
        };
        let report = asking
            .guest
            .call(call, grants::grant(&item.object, &scope))
            .await;
        if let Some(recorder) = asking.recorder {
            recorder.guest_log(&format!("webhook {name}"), &report.log);
        }
        let text = match report.outcome {
            Ok(Output::Props(text)) => text,
            Ok(_) => return Err("it gave the answer of another operation".to_owned()),
            Err(failure) => return Err(failure.to_string()),
        };
        if Redactor::new(values.secrets.values()).redact(text.clone()) != text {
            return Err(
                "what it returned holds the value of a secret, and props are stored and shown; \
                 declare that the subscription depends on the secret instead"
                    .to_owned(),
            );
        }
        let props: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| format!("what it returned is not JSON: {error}"))?;
        Ok(PropsOutcome::Basis(SubscriptionBasis {
            props: domain::canonical(&props),
            values: depended_on(webhook, values),
            public_url,
        }))
    }
}

/// Returns the versions of the values that a webhook's subscription depends on.
fn depended_on(webhook: &Webhook, values: &Values) -> BTreeMap<ValueKey, u64> {
    let secrets = webhook
        .secrets
        .iter()
        .filter(|used| used.subscription)
        .map(|used| (ValueKind::Secret, &used.name));
    let variables = webhook
        .variables
        .iter()
        .filter(|used| used.subscription)
        .map(|used| (ValueKind::Variable, &used.name));
    secrets
        .chain(variables)
        .filter_map(|(kind, name)| {
            let key = ValueKey {
                kind,
                name: name.clone(),
            };
            let version = *values.versions.get(&key)?;
            Some((key, version))
        })
        .collect()
}

/// Returns the address that providers deliver to, if there is one.
pub(crate) fn public_url(environment: &EnvironmentName, set: Option<&str>) -> Option<String> {
    match set {
        Some(url) => Some(url.trim_end_matches('/').to_owned()),
        None if environment.is_development() => Some(DEVELOPMENT_URL.to_owned()),
        None => None,
    }
}

/// Names a value for people.
pub(crate) fn value_label(key: &ValueKey) -> String {
    let kind = match key.kind {
        ValueKind::Secret => "secret",
        ValueKind::Variable => "variable",
        ValueKind::AppConfig => "app configuration",
    };
    format!("{kind} {}", key.name)
}

/// Returns whether what props were asked with is what a snapshot holds.
pub(crate) fn is_current(asked: &Asked, list: &CheckedList, snapshot: &Snapshot) -> bool {
    asked.public_url == snapshot.public_url
        && domain::values_used(list)
            .iter()
            .all(|key| asked.values.versions.get(key) == snapshot.values.get(key))
}
