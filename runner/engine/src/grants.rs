//! What an operation of an object may use: what it declared, with the values of its environment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::declare::{Auth, Object};
use domain::{
    CheckedList, HostPattern, HostPort, Limits, ObjectKind, Secret, UserId, ValueKey, ValueKind,
    ValueVersions,
};
use sandbox::{Account, Grants, KvRead, UserGrant};

/// The values that one project has in one environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    pub(crate) secrets: BTreeMap<String, Secret>,
    pub(crate) variables: BTreeMap<String, String>,
    /// By `INTEGRATION.KEY`.
    pub(crate) app_config: BTreeMap<String, Secret>,
    pub(crate) versions: ValueVersions,
}

/// A connected user, as far as a guest may see.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: UserId,
    /// JSON texts by integration, then by the setting's name.
    pub(crate) settings: BTreeMap<String, BTreeMap<String, String>>,
    /// By integration.
    pub(crate) accounts: BTreeMap<String, sandbox::Credential>,
}

/// Where an operation runs.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    pub(crate) environment: &'a str,
    pub(crate) allowed_private: &'a [HostPort],
    pub(crate) list: &'a CheckedList,
    pub(crate) values: &'a Values,
    /// The variables recorded when a registration was made, in place of the current ones.
    pub(crate) recorded: Option<&'a BTreeMap<String, String>>,
    pub(crate) user: Option<&'a User>,
    pub(crate) kv: Option<Arc<dyn KvRead>>,
    pub(crate) limits: Limits,
}

/// Says which of the values that an object cannot do without are not set, as `secret NAME`.
pub(crate) fn missing(
    object: &Object,
    values: &Values,
    recorded: Option<&BTreeMap<String, String>>,
) -> Vec<ValueKey> {
    let secrets = object
        .secrets()
        .iter()
        .filter(|used| !used.optional && !values.secrets.contains_key(&used.name))
        .map(|used| (ValueKind::Secret, &used.name));
    let variables = object
        .variables()
        .iter()
        .filter(|used| {
            !used.optional
                && used.default.is_none()
                && !recorded
                    .unwrap_or(&values.variables)
                    .contains_key(&used.name)
        })
        .map(|used| (ValueKind::Variable, &used.name));
    secrets
        .chain(variables)
        .map(|(kind, name)| ValueKey {
            kind,
            name: name.clone(),
        })
        .collect()
}

/// Returns the variables that an object declares, with the values that it would see.
pub(crate) fn variables_seen(object: &Object, values: &Values) -> BTreeMap<String, String> {
    object
        .variables()
        .iter()
        .filter_map(|used| {
            let value = values.variables.get(&used.name).or(used.default.as_ref())?;
            Some((used.name.clone(), value.clone()))
        })
        .collect()
}

/// Grants an operation of an object what it declared.
pub(crate) fn grant(object: &Object, scope: &Scope<'_>) -> Grants {
    let label = format!("{} {}", object.kind(), object.name());
    let timeout = object
        .timeout_ms()
        .map(|millis| Duration::from_millis(millis.into()));
    let mut grants = Grants::new(label, scope.limits.with_timeout(timeout));
    scope.environment.clone_into(&mut grants.environment);
    grants.secrets = object
        .secrets()
        .iter()
        .map(|used| {
            (
                used.name.clone(),
                scope.values.secrets.get(&used.name).cloned(),
            )
        })
        .collect();
    let variables = scope.recorded.unwrap_or(&scope.values.variables);
    grants.variables = object
        .variables()
        .iter()
        .map(|used| {
            let value = variables.get(&used.name).or(used.default.as_ref());
            (used.name.clone(), value.cloned())
        })
        .collect();
    // Validation has refused what is no pattern.
    grants.hosts = object
        .hosts()
        .iter()
        .filter_map(|host| host.parse::<HostPattern>().ok())
        .collect();
    grants.allowed_private = scope.allowed_private.to_vec();
    grants.kv = scope.kv.clone();
    let integration = integration_of(object, scope.list);
    grants.app_config = app_config(integration, scope.values);
    grants.user = scope.user.map(|user| user_grant(integration, user));
    // A guest may print what it was given by way of another object's value too.
    grants.redact = scope
        .values
        .secrets
        .values()
        .chain(scope.values.app_config.values())
        .cloned()
        .collect();
    grants
}

fn integration_of<'a>(
    object: &Object,
    list: &'a CheckedList,
) -> Option<&'a domain::declare::Integration> {
    let item = list.find(ObjectKind::Integration, object.integration()?)?;
    match &item.object {
        Object::Integration(integration) => Some(integration),
        Object::Action(_) | Object::Webhook(_) | Object::Workflow(_) | Object::AppEvent(_) => None,
    }
}

fn app_config(
    integration: Option<&domain::declare::Integration>,
    values: &Values,
) -> BTreeMap<String, Option<Secret>> {
    let Some(integration) = integration else {
        return BTreeMap::new();
    };
    let names = match &integration.auth {
        Auth::Oauth2 { app_config, .. } => app_config.as_slice(),
        Auth::None | Auth::Basic | Auth::ApiKey { .. } => &[],
    };
    names
        .iter()
        .map(|name| {
            let key = format!("{}.{name}", integration.name);
            (name.clone(), values.app_config.get(&key).cloned())
        })
        .collect()
}

fn user_grant(integration: Option<&domain::declare::Integration>, user: &User) -> UserGrant {
    let Some(integration) = integration else {
        return UserGrant {
            settings: BTreeMap::new(),
            account: Account::Undeclared,
        };
    };
    UserGrant {
        settings: integration
            .settings
            .iter()
            .map(|setting| {
                let set = user.settings.get(&integration.name);
                let set = set.and_then(|settings| settings.get(&setting.name));
                let value = set.or(setting.default.as_ref());
                (setting.name.clone(), value.cloned())
            })
            .collect(),
        account: match (&integration.auth, user.accounts.get(&integration.name)) {
            (Auth::None, _) => Account::Undeclared,
            (_, None) => Account::Missing,
            (_, Some(credential)) => Account::Connected(credential.clone()),
        },
    }
}
