//! The lease on a place: held by one deploy at a time, kept alive while it works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::{EnvironmentName, Place};
use store::{Acquire, Acquired, LeaseToken};

use crate::engine::Engine;
use crate::error::DeployFailure;
use crate::observer::{Event, Observer};
use crate::random;

const HEARTBEAT: Duration = Duration::from_secs(5);
const EXPIRY: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What happens when somebody else deploys to the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseWait {
    /// The deploy waits and plans anew.
    Wait,
    /// It fails.
    Refuse,
}

/// A lease that is held; dropping it gives it up.
pub(crate) struct HeldLease {
    engine: Engine,
    place: Place,
    token: LeaseToken,
    lost: Arc<AtomicBool>,
    heartbeat: tokio::task::JoinHandle<()>,
}

impl HeldLease {
    pub(crate) fn token(&self) -> LeaseToken {
        self.token.clone()
    }

    /// Returns whether somebody broke the lease, or it ran out.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Gives the lease up and waits until that is stored.
    pub(crate) async fn release(self) -> Result<(), store::Error> {
        let token = self.token.clone();
        self.engine.store.release_lease(self.place, token).await
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.heartbeat.abort();
        let (store, place, token) = (self.engine.store.clone(), self.place, self.token.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // What is released already is released once more, which changes nothing.
            runtime.spawn(async move { store.release_lease(place, token).await });
        }
    }
}

impl Engine {
    /// Takes the lease on a place.
    pub(crate) async fn lease(
        &self,
        place: Place,
        environment: &EnvironmentName,
        wait: LeaseWait,
        observer: &dyn Observer,
    ) -> Result<HeldLease, DeployFailure> {
        let token = LeaseToken(random::token()?);
        let holder = format!(
            "{} (process {}, `tidegate {}`)",
            self.settings.actor,
            std::process::id(),
            self.settings.command
        );
        let mut told = false;
        loop {
            let now = self.clock.now();
            let acquire = Acquire {
                place,
                holder: holder.clone(),
                token: token.clone(),
                ttl: EXPIRY,
                now,
            };
            let held = match self.store.acquire_lease(acquire).await? {
                Acquired::Yes { .. } => return Ok(self.keep(place, token)),
                Acquired::HeldBy(lease) => lease,
            };
            if wait == LeaseWait::Refuse {
                return Err(DeployFailure::LeaseHeld {
                    holder: held.holder,
                    environment: environment.clone(),
                    age_s: now.since(held.acquired_at).as_secs(),
                });
            }
            if !told {
                told = true;
                observer.event(Event::Waiting(format!(
                    "waiting for the deploy of {} to {environment}",
                    held.holder
                )));
            }
            self.clock.sleep(LOOK_AGAIN).await;
        }
    }

    fn keep(&self, place: Place, token: LeaseToken) -> HeldLease {
        let lost = Arc::new(AtomicBool::new(false));
        let heartbeat = tokio::spawn({
            let (engine, token, lost) = (self.clone(), token.clone(), Arc::clone(&lost));
            async move {
                loop {
                    tokio::time::sleep(HEARTBEAT).await;
                    let now = engine.clock.now();
                    let beat = engine.store.heartbeat(place, token.clone(), EXPIRY, now);
                    if let Err(store::LeaseError::Lost { .. }) = beat.await {
                        lost.store(true, Ordering::Release);
                        return;
                    }
                }
            }
        });
        HeldLease {
            engine: self.clone(),
            place,
            token,
            lost,
            heartbeat,
        }
    }
}
