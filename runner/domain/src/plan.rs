//! The difference between what is live and what a deploy would make live.
//!
//! Planning is given everything: a snapshot of one project in one environment
//! and what the deploy wants. It reads no clock and makes no id.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::canonical_of;
use crate::digest::{ArtifactDigest, Fingerprint};
use crate::ids::{DeployNumber, ObjectId, RegistrationId, StepId, UserId};
use crate::list::{CheckedList, Item, ObjectKey};
use crate::registration::{Registration, SubscriptionBasis, ValueVersions};
use crate::stable::stable_enum;
use crate::step::{Step, StepKind, Wave};
use crate::subscriptions::plan_subscriptions;
use crate::{Message, ObjectName};
use crate::{capabilities, messages};

/// An object as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its id.
    pub id: ObjectId,
    /// Its key.
    pub key: ObjectKey,
    /// Whether it is live; disabled otherwise.
    pub live: bool,
    /// Its declaration as canonical JSON.
    pub spec: String,
}

/// What one project has in one environment, read in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The deploy that is live.
    pub live: Option<LiveDeploy>,
    /// Every object, live and disabled, in the order of their keys.
    pub objects: Vec<StoredObject>,
    /// Every registration that is not gone or forgotten, oldest first.
    pub registrations: Vec<Registration>,
    /// Every open step, in the order of their ids.
    pub steps: Vec<Step>,
    /// The versions of all values that are set.
    pub values: ValueVersions,
    /// The environment's public URL.
    pub public_url: Option<String>,
}

/// The deploy whose objects are live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveDeploy {
    /// Its number.
    pub number: DeployNumber,
    /// Its artifact.
    pub artifact: ArtifactDigest,
}

/// What `subscription-props` gave for one webhook and user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookProps {
    /// The webhook's name in the new list.
    pub webhook: ObjectName,
    /// The connected user.
    pub user: Option<UserId>,
    /// What came of it.
    pub outcome: PropsOutcome,
}

/// What came of `subscription-props`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropsOutcome {
    /// The basis of a subscription.
    Basis(SubscriptionBasis),
    /// Something that the webhook needs has no value yet.
    Unconfigured(
        /// What, in words such as `secret WEBHOOK_SECRET`.
        Vec<String>,
    ),
    /// It failed for this connected user.
    Failed(
        /// Why.
        String,
    ),
}

/// What a deploy wants to make live.
#[derive(Debug, Clone)]
pub struct Desired<'a> {
    /// The artifact.
    pub artifact: ArtifactDigest,
    /// Its deploy list.
    pub list: &'a CheckedList,
    /// The props of each webhook that has subscription hooks, per user where it is per user.
    pub props: Vec<WebhookProps>,
}

stable_enum! {
    /// What happens to an object.
    pub enum ChangeAction {
        /// It is new.
        Add = "add",
        /// Its declaration changes.
        Modify = "modify",
        /// It comes back.
        ReEnable = "re-enable",
        /// It goes.
        Disable = "disable",
    }
}

/// One field that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field's name.
    pub field: String,
    /// What it was; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it becomes; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What happens to one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What.
    pub action: ChangeAction,
    /// The object.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// Its fields that change; empty for objects that are new or go.
    pub fields: Vec<FieldChange>,
}

/// What a planned step works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A registration that there is.
    Existing(RegistrationId),
    /// A registration that the plan creates, by its index.
    New(usize),
}

/// What a planned step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// A step that there is.
    Existing(StepId),
    /// A step of the plan, by its index; always an earlier one.
    Planned(usize),
}

/// A registration that a plan creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRegistration {
    /// The webhook's name in the new list.
    pub webhook: ObjectName,
    /// The connected user.
    pub user: Option<UserId>,
    /// What it is made from.
    pub basis: SubscriptionBasis,
}

/// A step that a plan writes to the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// What it intends.
    pub kind: StepKind,
    /// What it works on.
    pub target: Target,
    /// The webhook's name, for people.
    pub webhook: ObjectName,
    /// The connected user.
    pub user: Option<UserId>,
    /// When it may begin.
    pub wave: Wave,
    /// What it waits for.
    pub waits_for: Vec<Wait>,
    /// Why it is needed, for people.
    pub reason: String,
}

/// A webhook whose subscription cannot be made or changed yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unconfigured {
    /// The webhook.
    pub webhook: ObjectName,
    /// The connected user.
    pub user: Option<UserId>,
    /// What is missing, or what failed, in words.
    pub missing: Vec<String>,
}

/// What a plan does to registrations and the journal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionPlan {
    /// Registrations that stay as they are.
    pub keep: Vec<RegistrationId>,
    /// Registrations to create.
    pub create: Vec<NewRegistration>,
    /// Steps to write, in order.
    pub steps: Vec<PlannedStep>,
    /// Open steps that are superseded.
    pub supersede: Vec<StepId>,
    /// Open steps that the new deploy takes over.
    pub adopt: Vec<StepId>,
    /// Registrations that were to be made and no longer are: nothing is at the provider.
    pub discard: Vec<RegistrationId>,
    /// Registrations that were to be ended and are kept: live again.
    pub revive: Vec<RegistrationId>,
    /// Registrations that are to be ended: leaving.
    pub leave: Vec<RegistrationId>,
    /// Webhooks that cannot be subscribed yet.
    pub unconfigured: Vec<Unconfigured>,
}

/// Something that an operation may do that no live object was allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Capability {
    /// What kind: `host`, `secret`, `variable` or `scope`.
    pub capability: String,
    /// Which.
    pub value: String,
    /// The object that asks for it.
    #[serde(flatten)]
    pub key: ObjectKey,
}

/// The difference between what is live and what a deploy would make live.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Plan {
    /// What happens to objects, in the order of their keys.
    pub changes: Vec<Change>,
    /// What happens to subscriptions.
    pub subscriptions: SubscriptionPlan,
    /// What is newly asked for.
    pub capabilities: Vec<Capability>,
    /// What people should know before it is applied.
    pub messages: Vec<Message>,
    /// What the plan was made from.
    pub fingerprint: Fingerprint,
}

impl Plan {
    /// Returns whether applying the plan would change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.subscriptions.steps.is_empty()
    }
}

/// Plans a deploy.
pub fn plan(snapshot: &Snapshot, desired: &Desired<'_>) -> Plan {
    let before = Identities::of(snapshot, desired.list);
    let subscriptions = plan_subscriptions(snapshot, desired, &before);
    let changes = changes(snapshot, desired.list, &before);
    Plan {
        capabilities: capabilities::widened(snapshot, desired.list),
        messages: messages::of(snapshot, desired, &changes, &subscriptions),
        fingerprint: fingerprint(snapshot, desired),
        changes,
        subscriptions,
    }
}

/// Which stored object each item of a list is: the same name, else the name it had before.
#[derive(Debug)]
pub(crate) struct Identities {
    by_key: BTreeMap<ObjectKey, usize>,
}

impl Identities {
    fn of(snapshot: &Snapshot, list: &CheckedList) -> Self {
        let stored: BTreeMap<&ObjectKey, usize> = snapshot
            .objects
            .iter()
            .enumerate()
            .map(|(index, object)| (&object.key, index))
            .collect();
        let by_key = list
            .items()
            .iter()
            .filter_map(|item| {
                let index = stored.get(&item.key).or_else(|| {
                    let earlier = item.renamed_from.as_ref()?;
                    stored.get(earlier)
                })?;
                Some((item.key.clone(), *index))
            })
            .collect();
        Self { by_key }
    }

    pub(crate) fn stored<'a>(
        &self,
        snapshot: &'a Snapshot,
        key: &ObjectKey,
    ) -> Option<&'a StoredObject> {
        self.by_key.get(key).map(|index| &snapshot.objects[*index])
    }
}

/// Returns the id of the stored object that an item is, by name or by the name it had before.
///
/// `ids` looks a key up among the stored objects; the store uses the same rule when it applies.
pub fn identity(
    item: &Item,
    mut ids: impl FnMut(&ObjectKey) -> Option<ObjectId>,
) -> Option<ObjectId> {
    ids(&item.key).or_else(|| item.renamed_from.as_ref().and_then(ids))
}

fn changes(snapshot: &Snapshot, list: &CheckedList, before: &Identities) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut seen = BTreeSet::new();
    for item in list.items() {
        let Some(stored) = before.stored(snapshot, &item.key) else {
            changes.push(Change {
                action: ChangeAction::Add,
                key: item.key.clone(),
                fields: Vec::new(),
            });
            continue;
        };
        seen.insert(stored.id);
        let same = stored.spec == item.spec;
        if stored.live && same {
            continue;
        }
        changes.push(Change {
            action: if stored.live {
                ChangeAction::Modify
            } else {
                ChangeAction::ReEnable
            },
            key: item.key.clone(),
            fields: if same {
                Vec::new()
            } else {
                field_changes(&stored.spec, &item.spec)
            },
        });
    }
    for stored in &snapshot.objects {
        if stored.live && !seen.contains(&stored.id) {
            changes.push(Change {
                action: ChangeAction::Disable,
                key: stored.key.clone(),
                fields: Vec::new(),
            });
        }
    }
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

/// Compares two declarations field by field, in the order of the fields' names.
fn field_changes(before: &str, after: &str) -> Vec<FieldChange> {
    let fields =
        |text: &str| -> BTreeMap<String, Value> { serde_json::from_str(text).unwrap_or_default() };
    let (mut before, after) = (fields(before), fields(after));
    let mut changed = Vec::new();
    for (field, new) in after {
        let old = before.remove(&field);
        if old.as_ref() != Some(&new) {
            changed.push(FieldChange {
                field,
                before: old,
                after: Some(new),
            });
        }
    }
    changed.extend(before.into_iter().map(|(field, old)| FieldChange {
        field,
        before: Some(old),
        after: None,
    }));
    changed.sort_by(|a, b| a.field.cmp(&b.field));
    changed
}

/// Computes what a plan was made from, as one digest.
///
/// It covers the artifact, the deploy list, the live deploy, the versions of
/// the values that the list uses, the public URL, and each project-wide
/// registration's owner, basis and existence; not attempts, expiries, errors
/// or users' registrations.
#[must_use]
pub fn fingerprint(snapshot: &Snapshot, desired: &Desired<'_>) -> Fingerprint {
    #[derive(Serialize)]
    struct Inputs<'a> {
        format: u32,
        artifact: ArtifactDigest,
        list: String,
        live: Option<LiveDeploy>,
        values: Vec<Version>,
        public_url: Option<&'a str>,
        registrations: Vec<Standing<'a>>,
    }
    type Version = (String, String, u64);
    #[derive(Serialize)]
    struct Standing<'a> {
        id: i64,
        owner: String,
        props: &'a str,
        public_url: &'a str,
        values: Vec<Version>,
    }
    let used = values_used(desired.list);
    let flat = |values: &ValueVersions| -> Vec<Version> {
        values
            .iter()
            .map(|(key, version)| (key.kind.to_string(), key.name.clone(), *version))
            .collect()
    };
    let values = snapshot
        .values
        .iter()
        .filter(|(key, _)| used.contains(key))
        .map(|(key, version)| (key.clone(), *version))
        .collect();
    let inputs = Inputs {
        format: 1,
        artifact: desired.artifact,
        list: desired.list.hash().to_string(),
        live: snapshot.live,
        values: flat(&values),
        public_url: snapshot.public_url.as_deref(),
        registrations: snapshot
            .registrations
            .iter()
            .filter(|registration| registration.subject.user.is_none())
            .map(|registration| Standing {
                id: registration.id.0,
                owner: registration.owner.to_string(),
                props: &registration.basis.props,
                public_url: &registration.basis.public_url,
                values: flat(&registration.basis.values),
            })
            .collect(),
    };
    Fingerprint::of(canonical_of(&inputs).as_bytes())
}

/// Returns every value that the objects of a list use.
#[must_use]
pub fn values_used(list: &CheckedList) -> BTreeSet<crate::ValueKey> {
    use crate::{ValueKey, ValueKind};
    let mut used = BTreeSet::new();
    for item in list.items() {
        let key = |kind, name: &str| ValueKey {
            kind,
            name: name.to_owned(),
        };
        used.extend(
            item.object
                .secrets()
                .iter()
                .map(|secret| key(ValueKind::Secret, &secret.name)),
        );
        used.extend(
            item.object
                .variables()
                .iter()
                .map(|variable| key(ValueKind::Variable, &variable.name)),
        );
        if let crate::declare::Object::Integration(integration) = &item.object
            && let crate::declare::Auth::Oauth2 { app_config, .. } = &integration.auth
        {
            used.extend(app_config.iter().map(|name| {
                key(
                    ValueKind::AppConfig,
                    &format!("{}.{name}", integration.name),
                )
            }));
        }
    }
    used
}
