//! Artifacts and the collection of garbage.

use std::fs;
use std::sync::Arc;

use domain::{ArtifactDigest, ObjectName};

use super::fixture::{Fixture, action, at, hook, list, subscribed};
use crate::{
    ArtifactError, ArtifactSource, Fate, GarbageMode, KeepReason, QueueRun, RunKind, RunOn,
    StoredArtifact,
};

async fn put(fixture: &Fixture, bytes: &[u8], limit: u64) -> Result<StoredArtifact, ArtifactError> {
    let source = ArtifactSource::Bytes(bytes.into());
    fixture.store.store_artifact(source, limit, at(0)).await
}

#[tokio::test]
async fn an_artifact_is_named_by_its_digest_and_a_damaged_file_is_repaired() {
    let fixture = Fixture::new().await;
    let stored = put(&fixture, b"component", 100).await.unwrap();
    assert_eq!(stored.digest, ArtifactDigest::of(b"component"));
    let path = fixture.store.artifact_path(stored.digest).await.unwrap();
    for damage in ["damaged", ""] {
        fs::write(&path, damage).unwrap();
        put(&fixture, b"component", 100).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"component");
    }
    fs::remove_file(&path).unwrap();
    let error = fixture
        .store
        .artifact_path(stored.digest)
        .await
        .unwrap_err();
    assert!(matches!(error, ArtifactError::Damaged { .. }), "{error}");
    put(&fixture, b"component", 100).await.unwrap();
    assert_eq!(fixture.store.artifacts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_too_large_or_missing_is_refused_by_name() {
    let fixture = Fixture::new().await;
    let error = put(&fixture, b"component", 8).await.unwrap_err();
    assert!(
        matches!(error, ArtifactError::TooLarge { size: 9, limit: 8 }),
        "{error}"
    );
    let source = ArtifactSource::File(fixture.dir.path().join("nowhere.wasm"));
    let error = fixture
        .store
        .store_artifact(source, 8, at(0))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("nowhere.wasm"), "{error}");
    let unknown = ArtifactDigest::of(b"other");
    let error = fixture.store.artifact_path(unknown).await.unwrap_err();
    assert!(matches!(error, ArtifactError::Unknown(_)), "{error}");
}

#[tokio::test]
async fn another_list_of_the_same_artifact_is_refused() {
    let fixture = Fixture::new().await;
    let stored = put(&fixture, b"component", 100).await.unwrap();
    let (one, other) = (list(vec![action("a", "A")]), list(vec![action("b", "B")]));
    let save = |list: &Arc<_>| {
        fixture
            .store
            .save_artifact_list(stored.digest, Arc::clone(list))
    };
    save(&one).await.unwrap();
    save(&one).await.unwrap();
    let error = save(&other).await.unwrap_err();
    assert!(matches!(error, ArtifactError::OtherList { .. }), "{error}");
    let kept = fixture.store.artifact_list(stored.digest).await.unwrap();
    assert_eq!(kept.as_ref(), Some(&*one));
}

#[tokio::test]
async fn garbage_is_what_nothing_refers_to_and_the_rest_says_why_it_stays() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let garbage = put(&fixture, b"garbage", 100).await.unwrap().digest;
    let first = fixture
        .deploy(vec![hook("w"), action("a", "0")], &[("w", "1")])
        .await;
    fixture
        .attempt(
            first.applied.steps[0],
            subscribed("1"),
            domain::Requests::Answered,
        )
        .await;
    let owner = store.snapshot(fixture.place).await.unwrap().registrations[0].owner;
    for number in 1..=21 {
        let objects = vec![hook("w"), action("a", &number.to_string())];
        fixture.deploy(objects, &[("w", "1")]).await;
    }
    let running = put(&fixture, b"running", 100).await.unwrap().digest;
    let run = store
        .begin_run(
            QueueRun::new(
                fixture.place,
                RunKind::Action,
                "a".parse::<ObjectName>().unwrap(),
                at(5),
            ),
            RunOn::Fixed(running),
        )
        .await
        .unwrap()
        .unwrap();
    let dry = store
        .collect_garbage(GarbageMode::DryRun, at(9))
        .await
        .unwrap();
    assert!(store.artifact_path(garbage).await.is_ok());
    let fate = |digest| {
        dry.iter()
            .find(|one| one.digest == digest)
            .unwrap()
            .fate
            .clone()
    };
    assert_eq!(fate(garbage), Fate::Removed);
    assert_eq!(fate(running), Fate::Kept(vec![KeepReason::Run(run)]));
    assert!(
        matches!(fate(owner), Fate::Kept(why) if matches!(why[..], [KeepReason::Registration(_)]))
    );
    // Deploy 2 is the twenty-first from the end.
    assert_eq!(
        dry.iter().filter(|one| one.fate == Fate::Removed).count(),
        2
    );
    let live = store.deployed(None).await.unwrap()[0].artifact;
    assert!(
        matches!(fate(live), Fate::Kept(why) if matches!(why[..], [KeepReason::Live(..), KeepReason::Deploy(..)]))
    );
    assert_eq!(
        store
            .collect_garbage(GarbageMode::Remove, at(9))
            .await
            .unwrap(),
        dry
    );
    assert!(store.artifact_path(garbage).await.is_err());
    assert_eq!(store.artifacts().await.unwrap().len(), dry.len() - 2);
    assert_eq!(store.examine().await.unwrap().problems, []);
}

#[tokio::test]
async fn what_was_stored_just_now_is_no_garbage() {
    let fixture = Fixture::new().await;
    put(&fixture, b"component", 100).await.unwrap();
    let kept = fixture
        .store
        .collect_garbage(GarbageMode::Remove, at(-1))
        .await
        .unwrap();
    assert_eq!(kept[0].fate, Fate::Kept(vec![KeepReason::New]));
}
