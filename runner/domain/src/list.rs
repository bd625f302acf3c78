//! The deploy list after validation: in canonical order, with its hash.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::canonical::canonical_of;
use crate::declare::{DeployList, Finding, Location, Object, ObjectKind, ProjectUse, Webhook};
use crate::digest::DeployListHash;
use crate::names::ObjectName;
use crate::validate::validate;

/// The number of the canonical form; part of the hash, so that lists of two forms never match.
const FORMAT: &str = "tidegate deploy list 1\n";

/// What names an object within a project and environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its name.
    pub name: ObjectName,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// One object of a checked list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its key.
    pub key: ObjectKey,
    /// The key it had before, if the author said so.
    pub renamed_from: Option<ObjectKey>,
    /// The declaration.
    pub object: Object,
    /// The declaration as canonical JSON.
    pub spec: String,
}

impl Default for CheckedList {
    /// The list that declares nothing.
    fn default() -> Self {
        Self::ordered(DeployList::default())
    }
}

/// How one object refers to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// It belongs to an integration.
    Integration,
    /// A webhook or an app event starts it.
    Trigger,
}

impl Relation {
    /// Returns the relation's stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Integration => "integration",
            Self::Trigger => "trigger",
        }
    }
}

/// One object's reference to another of the same project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Relationship {
    /// The object that refers.
    pub from: ObjectKey,
    /// How.
    pub relation: Relation,
    /// The object that is referred to.
    pub to: ObjectKey,
}

/// A deploy list without fault, in canonical order: by kind, then name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedList {
    items: Vec<Item>,
    uses: Vec<ProjectUse>,
    hash: DeployListHash,
}

impl CheckedList {
    /// Validates what a guest declared and puts it in canonical order.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn new(list: DeployList) -> Result<Self, Vec<Finding>> {
        validate(&list)?;
        Ok(Self::ordered(list))
    }

    /// Reads a list that [`CheckedList::to_json`] wrote.
    ///
    /// # Errors
    /// When the text is not such a list.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<DeployList>(text).map(Self::ordered)
    }

    /// Writes the list in the form that [`CheckedList::from_json`] reads; it is canonical.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::from("{\"objects\":[");
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.push_str(&item.spec);
        }
        out.push_str("],\"uses\":");
        out.push_str(&canonical_of(&self.uses));
        out.push('}');
        out
    }

    fn ordered(list: DeployList) -> Self {
        let mut items: Vec<Item> = list.objects.into_iter().filter_map(item).collect();
        items.sort_by(|a, b| a.key.cmp(&b.key));
        let mut uses: Vec<(String, ProjectUse)> = list
            .uses
            .into_iter()
            .map(|used| (canonical_of(&used), used))
            .collect();
        uses.sort_by(|a, b| a.0.cmp(&b.0));
        let mut checked = Self {
            items,
            uses: uses.into_iter().map(|(_, used)| used).collect(),
            hash: DeployListHash::from_bytes([0; 32]),
        };
        let text = checked.to_json();
        checked.hash = DeployListHash::of(format!("{FORMAT}{text}").as_bytes());
        checked
    }

    /// Returns the objects in canonical order.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Returns the uses of other projects, in canonical order.
    #[must_use]
    pub fn uses(&self) -> &[ProjectUse] {
        &self.uses
    }

    /// Returns the hash of the canonical form.
    #[must_use]
    pub const fn hash(&self) -> DeployListHash {
        self.hash
    }

    /// Returns whether nothing is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Finds an object by its key.
    #[must_use]
    pub fn find(&self, kind: ObjectKind, name: &str) -> Option<&Item> {
        self.items
            .binary_search_by(|item| (item.key.kind, item.key.name.as_str()).cmp(&(kind, name)))
            .ok()
            .map(|index| &self.items[index])
    }

    /// Finds a webhook by its name.
    #[must_use]
    pub fn webhook(&self, name: &str) -> Option<&Webhook> {
        match &self.find(ObjectKind::Webhook, name)?.object {
            Object::Webhook(webhook) => Some(webhook),
            Object::Integration(_)
            | Object::Action(_)
            | Object::Workflow(_)
            | Object::AppEvent(_) => None,
        }
    }

    /// Returns the webhooks, in order.
    pub fn webhooks(&self) -> impl Iterator<Item = (&ObjectName, &Webhook)> {
        self.items.iter().filter_map(|item| match &item.object {
            Object::Webhook(webhook) => Some((&item.key.name, webhook)),
            Object::Integration(_)
            | Object::Action(_)
            | Object::Workflow(_)
            | Object::AppEvent(_) => None,
        })
    }

    /// Returns how the objects refer to each other, in order.
    #[must_use]
    pub fn relationships(&self) -> Vec<Relationship> {
        let mut found = Vec::new();
        for item in &self.items {
            let mut add = |relation, kind, name: &str| {
                if let Some(to) = self.find(kind, name) {
                    found.push(Relationship {
                        from: item.key.clone(),
                        relation,
                        to: to.key.clone(),
                    });
                }
            };
            if let Some(name) = item.object.integration() {
                add(Relation::Integration, ObjectKind::Integration, name);
            }
            if let Object::Workflow(workflow) = &item.object {
                match &workflow.trigger {
                    crate::declare::Trigger::Webhook { name } => {
                        add(Relation::Trigger, ObjectKind::Webhook, name);
                    }
                    crate::declare::Trigger::Event { name } => {
                        add(Relation::Trigger, ObjectKind::AppEvent, name);
                    }
                    crate::declare::Trigger::Request | crate::declare::Trigger::Schedule { .. } => {
                    }
                }
            }
        }
        found
    }

    /// Returns where each object is declared, as far as that is known.
    #[must_use]
    pub fn locations(&self) -> BTreeMap<ObjectKey, Location> {
        self.items
            .iter()
            .filter_map(|item| Some((item.key.clone(), item.object.location()?.clone())))
            .collect()
    }
}

/// Makes an item; `None` only for a name that validation refuses.
fn item(object: Object) -> Option<Item> {
    let kind = object.kind();
    let key = ObjectKey {
        kind,
        name: object.name().parse().ok()?,
    };
    let renamed_from = object.renamed_from().and_then(|name| {
        Some(ObjectKey {
            kind,
            name: name.parse().ok()?,
        })
    });
    let spec = canonical_of(&object);
    Some(Item {
        key,
        renamed_from,
        object,
        spec,
    })
}
