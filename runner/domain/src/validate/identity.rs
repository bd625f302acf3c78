//! The rules for names: well formed, one of each, none that looks like another.

use std::collections::HashMap;

use super::report::About;
use crate::declare::{DeployList, Object, ObjectKind};
use crate::names::{check_name, shown};

/// Which object has which name first.
#[derive(Debug)]
pub(super) struct Known<'a> {
    objects: &'a [Object],
    by_name: HashMap<(ObjectKind, &'a str), usize>,
    by_look: HashMap<(ObjectKind, String), usize>,
    by_former_name: HashMap<(ObjectKind, &'a str), usize>,
}

impl<'a> Known<'a> {
    /// Indexes the objects of a list.
    pub(super) fn of(list: &'a DeployList) -> Self {
        let mut known = Self {
            objects: &list.objects,
            by_name: HashMap::with_capacity(list.objects.len()),
            by_look: HashMap::with_capacity(list.objects.len()),
            by_former_name: HashMap::new(),
        };
        for (index, object) in list.objects.iter().enumerate() {
            let kind = object.kind();
            known.by_name.entry((kind, object.name())).or_insert(index);
            known
                .by_look
                .entry((kind, look(object.name())))
                .or_insert(index);
            if let Some(from) = object.renamed_from() {
                known.by_former_name.entry((kind, from)).or_insert(index);
            }
        }
        known
    }

    /// Checks the name of the object at `index`, and the one it had before.
    pub(super) fn check(&self, index: usize, object: &Object, about: &mut About<'_>) {
        self.check_name(index, object, about);
        if let Some(from) = object.renamed_from() {
            self.check_rename(index, object, from, about);
        }
    }

    /// Adds a finding unless there is an object of this kind and name.
    pub(super) fn require(
        &self,
        kind: ObjectKind,
        name: &str,
        relation: &str,
        about: &mut About<'_>,
    ) {
        if self.by_name.contains_key(&(kind, name)) {
            return;
        }
        let hint = self
            .by_look
            .get(&(kind, look(name)))
            .map(|index| format!(", but `{}` is", shown(self.objects[*index].name())))
            .unwrap_or_default();
        about.add(format!(
            "{relation} the {kind} `{}`, which is not declared{hint}",
            shown(name)
        ));
    }

    fn check_name(&self, index: usize, object: &Object, about: &mut About<'_>) {
        let (kind, name) = (object.kind(), object.name());
        if let Err(reason) = check_name(name) {
            about.add(format!("`{}` is not a name: {reason}", shown(name)));
        }
        match self.by_name.get(&(kind, name)) {
            Some(first) if *first != index => {
                about.add(format!(
                    "it is declared more than once{}",
                    self.place_of(*first)
                ));
                return;
            }
            Some(_) | None => {}
        }
        if let Some(first) = self
            .by_look
            .get(&(kind, look(name)))
            .filter(|i| **i != index)
        {
            about.add(format!(
                "its name looks like that of the {kind} `{}`{}: they differ only in capital letters or in `-` and `_`",
                shown(self.objects[*first].name()),
                self.place_of(*first),
            ));
        }
    }

    fn check_rename(&self, index: usize, object: &Object, from: &str, about: &mut About<'_>) {
        let kind = object.kind();
        if from == object.name() {
            about.add("it says that it was renamed from its own name".to_owned());
            return;
        }
        if let Err(reason) = check_name(from) {
            about.add(format!(
                "it says that it was renamed from `{}`, which is not a name: {reason}",
                shown(from)
            ));
            return;
        }
        if let Some(holder) = self.by_name.get(&(kind, from)) {
            about.add(format!(
                "it says that it was renamed from `{from}`, but the {kind} `{from}`{} is still declared",
                self.place_of(*holder),
            ));
        }
        if let Some(first) = self
            .by_former_name
            .get(&(kind, from))
            .filter(|i| **i != index)
        {
            about.add(format!(
                "it says that it was renamed from `{from}`, and so does the {kind} `{}`{}",
                shown(self.objects[*first].name()),
                self.place_of(*first),
            ));
        }
    }

    /// Writes where an object is declared, in brackets, if that is known.
    fn place_of(&self, index: usize) -> String {
        self.objects[index]
            .location()
            .map(|location| format!(" ({location})"))
            .unwrap_or_default()
    }
}

/// Brings names that look alike to one form.
fn look(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c == '_' {
                '-'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}
