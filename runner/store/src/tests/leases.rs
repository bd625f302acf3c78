//! Leases.

use super::fixture::{Fixture, TTL, at};
use crate::{Acquire, Acquired, LeaseError, LeaseToken};

fn acquire(fixture: &Fixture, token: &str, now: i64) -> Acquire {
    Acquire {
        place: fixture.place,
        holder: format!("holder of {token}"),
        token: LeaseToken(token.to_owned()),
        ttl: TTL,
        now: at(now),
    }
}

#[tokio::test]
async fn a_lease_has_one_holder_until_it_expires() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let first = store
        .acquire_lease(acquire(&fixture, "a", 0))
        .await
        .unwrap();
    assert_eq!(first, Acquired::Yes { taken_over: None });
    match store
        .acquire_lease(acquire(&fixture, "b", 29))
        .await
        .unwrap()
    {
        Acquired::HeldBy(lease) => assert_eq!(lease.holder, "holder of a"),
        Acquired::Yes { .. } => panic!("it is held"),
    }
    match store
        .acquire_lease(acquire(&fixture, "b", 30))
        .await
        .unwrap()
    {
        Acquired::Yes {
            taken_over: Some(lease),
        } => assert_eq!(lease.holder, "holder of a"),
        other => panic!("{other:?}"),
    }
    let a = LeaseToken("a".to_owned());
    let lost = store
        .heartbeat(fixture.place, a.clone(), TTL, at(31))
        .await
        .unwrap_err();
    assert!(matches!(&lost, LeaseError::Lost { reason } if reason.contains("holder of b")));
    store.release_lease(fixture.place, a).await.unwrap();
    assert_eq!(store.leases().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_heartbeat_prolongs_a_lease() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    store
        .acquire_lease(acquire(&fixture, "a", 0))
        .await
        .unwrap();
    let a = LeaseToken("a".to_owned());
    store
        .heartbeat(fixture.place, a.clone(), TTL, at(25))
        .await
        .unwrap();
    let held = store
        .acquire_lease(acquire(&fixture, "b", 40))
        .await
        .unwrap();
    assert!(matches!(held, Acquired::HeldBy(_)));
    store.release_lease(fixture.place, a).await.unwrap();
    let free = store
        .acquire_lease(acquire(&fixture, "b", 41))
        .await
        .unwrap();
    assert_eq!(free, Acquired::Yes { taken_over: None });
}

#[tokio::test]
async fn recovery_drops_the_leases_of_the_dead() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    store
        .acquire_lease(acquire(&fixture, "a", 0))
        .await
        .unwrap();
    let recovered = store.recover(at(1)).await.unwrap();
    assert_eq!(recovered.leases.len(), 1);
    assert!(store.leases().await.unwrap().is_empty());
}
