//! What a deploy newly asks to be allowed.

use std::collections::BTreeSet;

use crate::declare::{Auth, Object};
use crate::list::CheckedList;
use crate::plan::{Capability, Snapshot};

/// Finds what the objects of a list ask for that no live object was allowed, in order.
///
/// A host, secret or variable counts as new when the same object did not have
/// it before: an action that is allowed a host gives no other action that host.
pub(crate) fn widened(snapshot: &Snapshot, list: &CheckedList) -> Vec<Capability> {
    let mut held = BTreeSet::new();
    for stored in snapshot.objects.iter().filter(|stored| stored.live) {
        if let Ok(object) = serde_json::from_str::<Object>(&stored.spec) {
            held.extend(asked(&object).map(|(what, value)| (stored.key.clone(), what, value)));
        }
    }
    let mut widened = BTreeSet::new();
    for item in list.items() {
        for (what, value) in asked(&item.object) {
            let before = |key| held.contains(&(key, what, value.clone()));
            if before(item.key.clone()) || item.renamed_from.clone().is_some_and(before) {
                continue;
            }
            widened.insert(Capability {
                capability: what.to_owned(),
                value,
                key: item.key.clone(),
            });
        }
    }
    widened.into_iter().collect()
}

fn asked(object: &Object) -> impl Iterator<Item = (&'static str, String)> {
    let scopes = match object {
        Object::Integration(integration) => match &integration.auth {
            Auth::Oauth2 { scopes, .. } => scopes.clone(),
            Auth::None | Auth::Basic | Auth::ApiKey { .. } => Vec::new(),
        },
        Object::Action(_) | Object::Webhook(_) | Object::Workflow(_) | Object::AppEvent(_) => {
            Vec::new()
        }
    };
    let hosts = object.hosts().to_vec();
    let secrets: Vec<String> = object.secrets().iter().map(|s| s.name.clone()).collect();
    let variables: Vec<String> = object.variables().iter().map(|v| v.name.clone()).collect();
    let named =
        |what: &'static str, values: Vec<String>| values.into_iter().map(move |v| (what, v));
    named("host", hosts)
        .chain(named("secret", secrets))
        .chain(named("variable", variables))
        .chain(named("scope", scopes))
}
