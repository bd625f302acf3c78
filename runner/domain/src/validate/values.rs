//! The rules for what an object uses: secrets, variables, hosts and time.

use std::collections::HashSet;

use super::report::About;
use crate::declare::{Object, VariableUse};
use crate::host_pattern::HostPattern;
use crate::names::{check_name, shown};

/// Checks what every kind of operation may use.
pub(super) fn check(object: &Object, about: &mut About<'_>) {
    let secrets = object
        .secrets()
        .iter()
        .map(|item| (item.name.as_str(), item.subscription));
    let variables = object
        .variables()
        .iter()
        .map(|item| (item.name.as_str(), item.subscription));
    check_uses("secret", secrets, object, about);
    check_uses("variable", variables, object, about);
    check_hosts(object.hosts(), object.variables(), about);
    if object.timeout_ms() == Some(0) {
        about.add("its timeout is 0 ms, at least 1 ms is needed".to_owned());
    }
}

/// Checks that `names` are names, each given once.
pub(super) fn check_names<'a>(
    what: &str,
    names: impl IntoIterator<Item = &'a str>,
    about: &mut About<'_>,
) {
    let mut seen = HashSet::new();
    for name in names {
        if let Err(reason) = check_name(name) {
            about.add(format!(
                "the {what} `{}` is not a name: {reason}",
                shown(name)
            ));
        }
        if !seen.insert(name) {
            about.add(format!(
                "the {what} `{}` is given more than once",
                shown(name)
            ));
        }
    }
}

fn check_uses<'a>(
    what: &str,
    uses: impl Iterator<Item = (&'a str, bool)> + Clone,
    object: &Object,
    about: &mut About<'_>,
) {
    check_names(what, uses.clone().map(|(name, _)| name), about);
    if subscribes(object) {
        return;
    }
    for (name, _) in uses.filter(|(_, subscription)| *subscription) {
        about.add(format!(
            "the subscription is said to depend on the {what} `{}`, but there is none: only a webhook with subscription hooks has one",
            shown(name)
        ));
    }
}

fn subscribes(object: &Object) -> bool {
    match object {
        Object::Webhook(webhook) => webhook.hooks.subscription,
        Object::Integration(_) | Object::Action(_) | Object::Workflow(_) | Object::AppEvent(_) => {
            false
        }
    }
}

fn check_hosts(hosts: &[String], variables: &[VariableUse], about: &mut About<'_>) {
    for host in hosts {
        match host.parse::<HostPattern>() {
            Err(error) => about.add(error.to_string()),
            Ok(pattern) => {
                let unknown = pattern
                    .variable()
                    .filter(|name| !variables.iter().any(|declared| declared.name == *name));
                if let Some(name) = unknown {
                    about.add(format!(
                        "the host `${{{name}}}` names a variable that it does not declare"
                    ));
                }
            }
        }
    }
}
