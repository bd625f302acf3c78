//! What a guest declares, one to one.

use domain::declare as ours;

use crate::bindings::declarations as wit;

pub(crate) fn deploy_list(list: wit::DeployList) -> ours::DeployList {
    ours::DeployList {
        objects: list.objects.into_iter().map(object).collect(),
        uses: list.uses.into_iter().map(project_use).collect(),
    }
}

pub(crate) fn finding(error: wit::LocatedError) -> ours::Finding {
    ours::Finding {
        message: error.message,
        object: error.object,
        location: error.location.map(location),
    }
}

fn object(object: wit::Object) -> ours::Object {
    match object {
        wit::Object::Integration(item) => ours::Object::Integration(integration(item)),
        wit::Object::Action(item) => ours::Object::Action(action(item)),
        wit::Object::Webhook(item) => ours::Object::Webhook(webhook(item)),
        wit::Object::Workflow(item) => ours::Object::Workflow(workflow(item)),
        wit::Object::AppEvent(item) => ours::Object::AppEvent(app_event(item)),
    }
}

fn integration(item: wit::Integration) -> ours::Integration {
    ours::Integration {
        name: item.name,
        title: item.title,
        auth: auth(item.auth),
        settings: item.settings.into_iter().map(user_setting).collect(),
        renamed_from: item.renamed_from,
        location: item.location.map(location),
    }
}

fn action(item: wit::Action) -> ours::Action {
    ours::Action {
        name: item.name,
        title: item.title,
        integration: item.integration,
        input: item.input,
        output: item.output,
        secrets: secrets(item.secrets),
        variables: variables(item.variables),
        hosts: item.hosts,
        timeout_ms: item.timeout_ms,
        idempotent: item.idempotent,
        renamed_from: item.renamed_from,
        location: item.location.map(location),
    }
}

fn webhook(item: wit::Webhook) -> ours::Webhook {
    ours::Webhook {
        name: item.name,
        title: item.title,
        integration: item.integration,
        per_user: item.per_user,
        hooks: ours::Hooks {
            subscription: item.hooks.contains(wit::Hooks::SUBSCRIPTION),
            refresh: item.hooks.contains(wit::Hooks::REFRESH),
            check: item.hooks.contains(wit::Hooks::CHECK),
        },
        secrets: secrets(item.secrets),
        variables: variables(item.variables),
        hosts: item.hosts,
        signature: signature(item.signature),
        dedupe: item.dedupe.map(|dedupe| match dedupe {
            wit::DedupeKey::Header(name) => ours::DedupeKey::Header(name),
            wit::DedupeKey::Pointer(pointer) => ours::DedupeKey::Pointer(pointer),
        }),
        respond: match item.respond {
            wit::Respond::Ack => ours::Respond::Ack,
            wit::Respond::Sync(deadline_ms) => ours::Respond::Sync { deadline_ms },
        },
        silence_seconds: item.silence_seconds,
        order: match item.order {
            wit::ChangeOrder::Replace => ours::ChangeOrder::Replace,
            wit::ChangeOrder::Overlap => ours::ChangeOrder::Overlap,
        },
        challenge: item.challenge,
        timeout_ms: item.timeout_ms,
        renamed_from: item.renamed_from,
        location: item.location.map(location),
    }
}

fn workflow(item: wit::Workflow) -> ours::Workflow {
    ours::Workflow {
        name: item.name,
        title: item.title,
        integration: item.integration,
        trigger: trigger(item.trigger),
        on_by_default: item.on_by_default,
        secrets: secrets(item.secrets),
        variables: variables(item.variables),
        hosts: item.hosts,
        timeout_ms: item.timeout_ms,
        renamed_from: item.renamed_from,
        location: item.location.map(location),
    }
}

fn app_event(item: wit::AppEvent) -> ours::AppEvent {
    ours::AppEvent {
        name: item.name,
        title: item.title,
        schema: item.schema,
        renamed_from: item.renamed_from,
        location: item.location.map(location),
    }
}

fn project_use(item: wit::ProjectUse) -> ours::ProjectUse {
    ours::ProjectUse {
        project: item.project,
        used: match item.used {
            wit::Used::Action(used) => ours::Used::Action {
                name: used.name,
                input: used.input,
                output: used.output,
            },
            wit::Used::Event(used) => ours::Used::Event {
                name: used.name,
                schema: used.schema,
            },
        },
    }
}

fn location(location: wit::Location) -> ours::Location {
    ours::Location {
        file: location.file,
        line: location.line,
    }
}

fn secrets(uses: Vec<wit::SecretUse>) -> Vec<ours::SecretUse> {
    uses.into_iter()
        .map(|item| ours::SecretUse {
            name: item.name,
            optional: item.optional,
            subscription: item.subscription,
        })
        .collect()
}

fn variables(uses: Vec<wit::VariableUse>) -> Vec<ours::VariableUse> {
    uses.into_iter()
        .map(|item| ours::VariableUse {
            name: item.name,
            optional: item.optional,
            default: item.default,
            subscription: item.subscription,
        })
        .collect()
}

fn auth(auth: wit::Auth) -> ours::Auth {
    match auth {
        wit::Auth::None => ours::Auth::None,
        wit::Auth::Basic => ours::Auth::Basic,
        wit::Auth::ApiKey(title) => ours::Auth::ApiKey { title },
        wit::Auth::Oauth2(oauth) => ours::Auth::Oauth2 {
            authorize_url: oauth.authorize_url,
            token_url: oauth.token_url,
            scopes: oauth.scopes,
            app_config: oauth.app_config,
        },
    }
}

fn user_setting(setting: wit::UserSetting) -> ours::UserSetting {
    ours::UserSetting {
        name: setting.name,
        title: setting.title,
        of_type: match setting.of_type {
            wit::SettingType::Text => ours::SettingType::Text,
            wit::SettingType::Number => ours::SettingType::Number,
            wit::SettingType::Boolean => ours::SettingType::Boolean,
            wit::SettingType::Choice(values) => ours::SettingType::Choice { values },
        },
        required: setting.required,
        default: setting.default,
    }
}

fn signing_key(key: wit::SigningKey) -> ours::SigningKey {
    match key {
        wit::SigningKey::Secret(name) => ours::SigningKey::Secret { name },
        wit::SigningKey::Issued => ours::SigningKey::Issued,
    }
}

fn signature(signature: wit::Signature) -> ours::Signature {
    match signature {
        wit::Signature::None => ours::Signature::None,
        wit::Signature::StandardWebhooks(key) => ours::Signature::StandardWebhooks {
            key: signing_key(key),
        },
        wit::Signature::Github(key) => ours::Signature::Github {
            key: signing_key(key),
        },
        wit::Signature::Stripe(key) => ours::Signature::Stripe {
            key: signing_key(key),
        },
        wit::Signature::Shopify(key) => ours::Signature::Shopify {
            key: signing_key(key),
        },
        wit::Signature::Slack(key) => ours::Signature::Slack {
            key: signing_key(key),
        },
        wit::Signature::Hmac(hmac) => ours::Signature::Hmac {
            key: signing_key(hmac.key),
            header: hmac.header,
            digest: match hmac.digest {
                wit::Digest::Sha1 => ours::HmacDigest::Sha1,
                wit::Digest::Sha256 => ours::HmacDigest::Sha256,
                wit::Digest::Sha512 => ours::HmacDigest::Sha512,
            },
            encoding: match hmac.encoding {
                wit::Encoding::Hex => ours::SignatureEncoding::Hex,
                wit::Encoding::Base64 => ours::SignatureEncoding::Base64,
            },
            prefix: hmac.prefix,
            template: hmac.template,
            timestamp_header: hmac.timestamp_header,
        },
    }
}

fn trigger(trigger: wit::Trigger) -> ours::Trigger {
    match trigger {
        wit::Trigger::Request => ours::Trigger::Request,
        wit::Trigger::Webhook(name) => ours::Trigger::Webhook { name },
        wit::Trigger::Event(name) => ours::Trigger::Event { name },
        wit::Trigger::Schedule(schedule) => ours::Trigger::Schedule {
            cron: schedule.cron,
            time_zone: schedule.time_zone,
            catch_up: match schedule.catch_up {
                wit::CatchUp::Once => ours::CatchUp::Once,
                wit::CatchUp::Skip => ours::CatchUp::Skip,
            },
        },
    }
}
