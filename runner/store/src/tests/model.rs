//! Random sequences of deploy lists against a naive model in memory.

use std::collections::{BTreeMap, BTreeSet};

use domain::declare::Object;
use domain::{ObjectId, ObjectKey, Snapshot};
use proptest::prelude::{ProptestConfig, Strategy, prop, proptest};

use super::fixture::{Fixture, action, list};

/// An object of the model: a name and a title, or the absence of it.
type Wanted = BTreeMap<u8, (u8, Option<u8>)>;

fn lists() -> impl Strategy<Value = Vec<Wanted>> {
    let object = (0_u8..3, prop::option::of(0_u8..6));
    prop::collection::vec(prop::collection::btree_map(0_u8..6, object, 0..6), 1..6)
}

fn name(number: u8) -> String {
    format!("object-{number}")
}

fn objects(wanted: &Wanted) -> Vec<Object> {
    let mut former = BTreeSet::new();
    wanted
        .iter()
        .map(|(number, (title, renamed))| {
            let mut object = action(&name(*number), &format!("title {title}"));
            let renamed = renamed.filter(|from| !wanted.contains_key(from) && former.insert(*from));
            if let Object::Action(action) = &mut object {
                action.renamed_from = renamed.map(name);
            }
            object
        })
        .collect()
}

/// What the model knows of each object that ever was.
#[derive(Default)]
struct Model {
    /// By name: which object it is, its title, whether it is live.
    objects: BTreeMap<String, (usize, String, bool)>,
    made: usize,
}

impl Model {
    fn deploy(&mut self, objects: &[Object]) {
        for object in self.objects.values_mut() {
            object.2 = false;
        }
        let before: BTreeSet<String> = self.objects.keys().cloned().collect();
        for object in objects {
            let Object::Action(action) = object else {
                panic!("the model knows actions only");
            };
            let found = if before.contains(&action.name) {
                self.objects.remove(&action.name)
            } else {
                action
                    .renamed_from
                    .as_ref()
                    .and_then(|from| self.objects.remove(from))
            };
            let identity = found.map_or_else(
                || {
                    self.made += 1;
                    self.made
                },
                |found| found.0,
            );
            self.objects
                .insert(action.name.clone(), (identity, action.title.clone(), true));
        }
    }
}

/// Checks that the store says what the model says; ids may have any number, but keep it.
fn compare(model: &Model, snapshot: &Snapshot, ids: &mut BTreeMap<usize, ObjectId>) {
    let stored: BTreeMap<&ObjectKey, _> =
        snapshot.objects.iter().map(|one| (&one.key, one)).collect();
    assert_eq!(stored.len(), model.objects.len());
    for one in stored.values() {
        let (identity, title, live) = &model.objects[one.key.name.as_str()];
        assert_eq!(one.live, *live, "{}", one.key);
        assert!(one.spec.contains(&format!("\"{title}\"")), "{}", one.spec);
        let id = *ids.entry(*identity).or_insert(one.id);
        assert_eq!(id, one.id, "{}", one.key);
    }
    let different: BTreeSet<_> = ids.values().collect();
    assert_eq!(different.len(), ids.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn apply_agrees_with_a_naive_model(sequence in lists()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            let mut model = Model::default();
            let mut ids = BTreeMap::new();
            for wanted in &sequence {
                let objects = objects(wanted);
                let _ = list(objects.clone());
                model.deploy(&objects);
                fixture.deploy(objects, &[]).await;
                let snapshot = fixture.store.snapshot(fixture.place).await.unwrap();
                compare(&model, &snapshot, &mut ids);
            }
        });
    }
}
