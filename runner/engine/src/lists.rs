//! The deploy lists of artifacts that were read last, so that a run does not read one anew.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{ArtifactDigest, CheckedList};

/// The most objects that the lists kept have together; the newest list is kept whatever its size.
const OBJECTS: usize = 20_000;

type Kept = VecDeque<(ArtifactDigest, Arc<CheckedList>)>;

/// Lists by artifact, the one used last first; clones share them. The same
/// artifact always has the same list, so nothing here is ever out of date.
#[derive(Clone, Default)]
pub(crate) struct Lists(Arc<Mutex<Kept>>);

impl Lists {
    pub(crate) fn get(&self, artifact: ArtifactDigest) -> Option<Arc<CheckedList>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(one, _)| *one == artifact)?;
        let found = kept.remove(at)?;
        let list = Arc::clone(&found.1);
        kept.push_front(found);
        Some(list)
    }

    pub(crate) fn put(&self, artifact: ArtifactDigest, list: &Arc<CheckedList>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(one, _)| *one != artifact);
        kept.push_front((artifact, Arc::clone(list)));
        // One that declares nothing takes room too.
        let size = |list: &CheckedList| list.items().len() + 1;
        let mut total: usize = kept.iter().map(|(_, list)| size(list)).sum();
        while total > OBJECTS && kept.len() > 1 {
            if let Some((_, list)) = kept.pop_back() {
                total -= size(&list);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::declare::{AppEvent, DeployList, Object};

    use super::*;

    fn list(objects: usize) -> Arc<CheckedList> {
        let event = |number| {
            Object::AppEvent(AppEvent {
                name: format!("e{number}"),
                title: String::new(),
                schema: "{}".to_owned(),
                renamed_from: None,
                location: None,
            })
        };
        let objects = (0..objects).map(event).collect();
        let uses = Vec::new();
        Arc::new(CheckedList::new(DeployList { objects, uses }).unwrap())
    }

    #[test]
    fn what_was_not_used_for_longest_goes_when_there_is_too_much() {
        let lists = Lists::default();
        let artifacts = [b"a", b"b", b"c"].map(|bytes| ArtifactDigest::of(bytes));
        let half = list(OBJECTS / 2 - 1);
        lists.put(artifacts[0], &half);
        lists.put(artifacts[1], &half);
        assert!(lists.get(artifacts[0]).is_some());
        lists.put(artifacts[2], &list(1));
        assert!(lists.get(artifacts[0]).is_some());
        assert!(lists.get(artifacts[1]).is_none());
        // One that is too large alone is kept until another comes.
        lists.put(artifacts[1], &list(OBJECTS));
        assert!(lists.get(artifacts[1]).is_some());
        assert!(lists.get(artifacts[0]).is_none());
    }
}
