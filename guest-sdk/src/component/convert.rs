//! From the SDK's declarations and results to the contract's types.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::bindings::tidegate::project::{declarations as wit, operations};
use crate::glue::{RawCheck, RawReceived, RawSubscription};
use crate::{Delivery, Error, declare};

pub(super) fn deploy_list(list: declare::DeployList) -> wit::DeployList {
    wit::DeployList {
        objects: list.objects.into_iter().map(object).collect(),
        uses: list.uses.into_iter().map(project_use).collect(),
    }
}

pub(super) fn located_error(error: declare::LocatedError) -> wit::LocatedError {
    wit::LocatedError {
        message: error.message,
        object: error.object,
        location: Some(wit::Location {
            file: error.file.to_owned(),
            line: error.line,
        }),
    }
}

fn object(object: declare::Object) -> wit::Object {
    match object {
        declare::Object::Integration(it) => wit::Object::Integration(integration(it)),
        declare::Object::Action(it) => wit::Object::Action(action(it)),
        declare::Object::Webhook(it) => wit::Object::Webhook(webhook(it)),
        declare::Object::Workflow(it) => wit::Object::Workflow(workflow(it)),
        declare::Object::AppEvent(it) => wit::Object::AppEvent(wit::AppEvent {
            name: it.name.to_owned(),
            title: it.title.to_owned(),
            schema: it.schema.to_string(),
            renamed_from: owned(it.renamed_from),
            location: location(&it.location),
        }),
    }
}

fn integration(it: declare::Integration) -> wit::Integration {
    wit::Integration {
        name: it.name.to_owned(),
        title: it.title.to_owned(),
        auth: auth(it.auth),
        settings: it.settings.iter().map(setting).collect(),
        renamed_from: owned(it.renamed_from),
        location: location(&it.location),
    }
}

fn auth(auth: declare::Auth) -> wit::Auth {
    match auth {
        declare::Auth::None => wit::Auth::None,
        declare::Auth::Basic => wit::Auth::Basic,
        declare::Auth::ApiKey(title) => wit::Auth::ApiKey(title.to_owned()),
        declare::Auth::Oauth2(it) => wit::Auth::Oauth2(wit::Oauth2 {
            authorize_url: it.authorize_url.to_owned(),
            token_url: it.token_url.to_owned(),
            scopes: strings(it.scopes),
            app_config: strings(it.app_config),
        }),
    }
}

fn setting(it: &declare::UserSetting) -> wit::UserSetting {
    wit::UserSetting {
        name: it.name.to_owned(),
        title: it.title.to_owned(),
        of_type: match it.of_type {
            declare::SettingType::Text => wit::SettingType::Text,
            declare::SettingType::Number => wit::SettingType::Number,
            declare::SettingType::Boolean => wit::SettingType::Boolean,
            declare::SettingType::Choice(choices) => wit::SettingType::Choice(strings(choices)),
        },
        required: it.required,
        default: owned(it.default),
    }
}

fn action(it: declare::Action) -> wit::Action {
    wit::Action {
        name: it.name.to_owned(),
        title: it.title.to_owned(),
        integration: owned(it.integration),
        input: it.input.to_string(),
        output: it.output.to_string(),
        secrets: secrets(&it.needs),
        variables: variables(&it.needs),
        hosts: strings(it.needs.hosts),
        timeout_ms: it.timeout_ms,
        idempotent: it.idempotent,
        renamed_from: owned(it.renamed_from),
        location: location(&it.location),
    }
}

fn webhook(it: declare::Webhook) -> wit::Webhook {
    wit::Webhook {
        name: it.name.to_owned(),
        title: it.title.to_owned(),
        integration: owned(it.integration),
        per_user: it.per_user,
        hooks: hooks(it.hooks),
        secrets: secrets(&it.needs),
        variables: variables(&it.needs),
        hosts: strings(it.needs.hosts),
        signature: signature(it.signature),
        dedupe: it.dedupe.map(|key| match key {
            declare::DedupeKey::Header(name) => wit::DedupeKey::Header(name.to_owned()),
            declare::DedupeKey::Pointer(path) => wit::DedupeKey::Pointer(path.to_owned()),
        }),
        respond: match it.respond {
            declare::Respond::Ack => wit::Respond::Ack,
            declare::Respond::Sync(deadline) => wit::Respond::Sync(deadline),
        },
        silence_seconds: it.silence_seconds,
        order: match it.order {
            declare::ChangeOrder::Replace => wit::ChangeOrder::Replace,
            declare::ChangeOrder::Overlap => wit::ChangeOrder::Overlap,
        },
        challenge: owned(it.challenge),
        timeout_ms: it.timeout_ms,
        renamed_from: owned(it.renamed_from),
        location: location(&it.location),
    }
}

fn hooks(flags: declare::HookFlags) -> wit::Hooks {
    let mut hooks = wit::Hooks::empty();
    hooks.set(wit::Hooks::SUBSCRIPTION, flags.subscription);
    hooks.set(wit::Hooks::REFRESH, flags.refresh);
    hooks.set(wit::Hooks::CHECK, flags.check);
    hooks
}

fn signature(signature: declare::Signature) -> wit::Signature {
    match signature {
        declare::Signature::None => wit::Signature::None,
        declare::Signature::StandardWebhooks(it) => wit::Signature::StandardWebhooks(key(it)),
        declare::Signature::Github(it) => wit::Signature::Github(key(it)),
        declare::Signature::Stripe(it) => wit::Signature::Stripe(key(it)),
        declare::Signature::Shopify(it) => wit::Signature::Shopify(key(it)),
        declare::Signature::Slack(it) => wit::Signature::Slack(key(it)),
        declare::Signature::Hmac(it) => wit::Signature::Hmac(hmac(it)),
    }
}

fn key(key: declare::SigningKey) -> wit::SigningKey {
    match key {
        declare::SigningKey::Secret(name) => wit::SigningKey::Secret(name.to_owned()),
        declare::SigningKey::Issued => wit::SigningKey::Issued,
    }
}

fn hmac(it: declare::Hmac) -> wit::Hmac {
    wit::Hmac {
        key: key(it.key),
        header: it.header.to_owned(),
        digest: match it.digest {
            declare::Digest::Sha1 => wit::Digest::Sha1,
            declare::Digest::Sha256 => wit::Digest::Sha256,
            declare::Digest::Sha512 => wit::Digest::Sha512,
        },
        encoding: match it.encoding {
            declare::Encoding::Hex => wit::Encoding::Hex,
            declare::Encoding::Base64 => wit::Encoding::Base64,
        },
        prefix: it.prefix.to_owned(),
        template: it.template.to_owned(),
        timestamp_header: owned(it.timestamp_header),
    }
}

fn workflow(it: declare::Workflow) -> wit::Workflow {
    wit::Workflow {
        name: it.name.to_owned(),
        title: it.title.to_owned(),
        integration: owned(it.integration),
        trigger: trigger(it.trigger),
        on_by_default: it.on_by_default,
        secrets: secrets(&it.needs),
        variables: variables(&it.needs),
        hosts: strings(it.needs.hosts),
        timeout_ms: it.timeout_ms,
        renamed_from: owned(it.renamed_from),
        location: location(&it.location),
    }
}

fn trigger(trigger: declare::Trigger) -> wit::Trigger {
    match trigger {
        declare::Trigger::Request => wit::Trigger::Request,
        declare::Trigger::Webhook(name) => wit::Trigger::Webhook(name.to_owned()),
        declare::Trigger::Event(name) => wit::Trigger::Event(name.to_owned()),
        declare::Trigger::Schedule(it) => wit::Trigger::Schedule(wit::Schedule {
            cron: it.cron.to_owned(),
            time_zone: it.time_zone.to_owned(),
            catch_up: match it.catch_up {
                declare::CatchUp::Once => wit::CatchUp::Once,
                declare::CatchUp::Skip => wit::CatchUp::Skip,
            },
        }),
    }
}

fn project_use(it: declare::ProjectUse) -> wit::ProjectUse {
    wit::ProjectUse {
        project: it.project.to_owned(),
        used: match it.used {
            declare::Used::Action {
                name,
                input,
                output,
            } => wit::Used::Action(wit::UsedAction {
                name: name.to_owned(),
                input: input.to_string(),
                output: output.to_string(),
            }),
            declare::Used::Event { name, schema } => wit::Used::Event(wit::UsedEvent {
                name: name.to_owned(),
                schema: schema.to_string(),
            }),
        },
    }
}

fn secrets(needs: &declare::Needs) -> Vec<wit::SecretUse> {
    let secrets = needs.secrets.iter();
    secrets
        .map(|it| wit::SecretUse {
            name: it.name.to_owned(),
            optional: it.optional,
            subscription: it.subscription,
        })
        .collect()
}

fn variables(needs: &declare::Needs) -> Vec<wit::VariableUse> {
    let variables = needs.variables.iter();
    variables
        .map(|it| wit::VariableUse {
            name: it.name.to_owned(),
            optional: it.optional,
            default: owned(it.default),
            subscription: it.subscription,
        })
        .collect()
}

fn location(it: &declare::Location) -> Option<wit::Location> {
    Some(wit::Location {
        file: it.file.to_owned(),
        line: it.line,
    })
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

pub(super) fn operation_error(error: &Error) -> operations::OperationError {
    let failure = operations::Failure {
        message: error.to_string(),
        retry_after_ms: error
            .retry_after()
            .map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
    };
    if error.is_retryable() {
        operations::OperationError::Retryable(failure)
    } else {
        operations::OperationError::Final(failure)
    }
}

pub(super) fn subscription(it: RawSubscription) -> operations::Subscription {
    operations::Subscription {
        unsubscribe_props: it.unsubscribe_props,
        expires_at_ms: it.expires_at_ms,
        signing_secret: it.signing_secret,
    }
}

pub(super) fn check_answer(answer: RawCheck) -> operations::CheckAnswer {
    match answer {
        RawCheck::Found(found) => {
            operations::CheckAnswer::Found(found.into_iter().map(subscription).collect())
        }
        RawCheck::Absent => operations::CheckAnswer::Absent,
        RawCheck::Unsure => operations::CheckAnswer::Unsure,
    }
}

/// Headers that Rust's types cannot hold are left out: no handler could ask
/// for them.
pub(super) fn delivery(it: operations::Delivery) -> Delivery {
    let mut headers = HeaderMap::new();
    for header in it.headers {
        let name = header.name.parse::<HeaderName>();
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&header.value)) {
            headers.append(name, value);
        }
    }
    Delivery {
        id: it.id,
        method: it.method,
        query: it.query,
        headers,
        body: it.body,
        received_at_ms: it.received_at_ms,
    }
}

pub(super) fn received(it: RawReceived) -> operations::Received {
    operations::Received {
        output: it.output,
        response: it.reply.map(|reply| operations::Response {
            status: reply.status.as_u16(),
            headers: reply
                .headers
                .iter()
                .map(|(name, value)| operations::Header {
                    name: name.to_string(),
                    value: value.as_bytes().to_vec(),
                })
                .collect(),
            body: reply.body,
        }),
    }
}
