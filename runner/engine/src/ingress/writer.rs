//! Storing deliveries: those that come while one commit is under way share the next.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use store::{Accept, Accepted, Store};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::IngressRefusal;

/// The most deliveries of one commit.
const BATCH: usize = 512;

/// The most deliveries that wait; what they hold in memory is limited besides.
const WAITING: usize = 16_384;

/// What is counted for a delivery besides its body.
const OVERHEAD: usize = 4 * 1024;

/// Room is given out in pieces of so many bytes.
const PIECE: usize = 1024;

/// Stores deliveries, many in one commit.
pub(crate) struct DeliveryWriter {
    store: Store,
    room: Arc<Semaphore>,
    queue: OnceLock<mpsc::Sender<Waiting>>,
}

struct Waiting {
    delivery: Arc<Accept>,
    answer: oneshot::Sender<Result<Accepted, store::Error>>,
    _room: OwnedSemaphorePermit,
}

impl DeliveryWriter {
    /// Creates one that lets deliveries of at most `room` bytes wait.
    pub(crate) fn new(store: Store, room: usize) -> Self {
        Self {
            store,
            room: Arc::new(Semaphore::new(room / PIECE)),
            queue: OnceLock::new(),
        }
    }

    /// Stores a delivery; it is durable when this returns.
    ///
    /// # Errors
    /// When too much waits already, or the store fails.
    pub(crate) async fn accept(&self, delivery: Accept) -> Result<Accepted, IngressRefusal> {
        let pieces = (delivery.body.len() + OVERHEAD).div_ceil(PIECE);
        let pieces = u32::try_from(pieces).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room)
            .try_acquire_many_owned(pieces)
            .map_err(|_| overloaded())?;
        let (answer, answered) = oneshot::channel();
        self.queue()
            .try_send(Waiting {
                delivery: Arc::new(delivery),
                answer,
                _room: room,
            })
            .map_err(|_| overloaded())?;
        answered
            .await
            .unwrap_or(Err(store::Error::Stopped))
            .map_err(IngressRefusal::Store)
    }

    /// Returns the queue, beginning to work it off with the first delivery.
    fn queue(&self) -> &mpsc::Sender<Waiting> {
        self.queue.get_or_init(|| {
            let (queue, waiting) = mpsc::channel(WAITING);
            tokio::spawn(work(self.store.clone(), waiting));
            queue
        })
    }
}

fn overloaded() -> IngressRefusal {
    IngressRefusal::Unavailable {
        retry_after: Duration::from_secs(1),
    }
}

/// Stores what waits until nobody can send any more.
async fn work(store: Store, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH);
    // The commit under way is the time in which the next batch gathers: no timer is needed.
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let deliveries = batch.iter().map(|one| Arc::clone(&one.delivery)).collect();
        match store.accept_deliveries(deliveries).await {
            Ok(accepted) => {
                for (one, accepted) in batch.drain(..).zip(accepted) {
                    // A client that went away is not told.
                    let _ = one.answer.send(Ok(accepted));
                }
            }
            Err(error) if batch.len() == 1 => {
                if let Some(one) = batch.pop() {
                    let _ = one.answer.send(Err(error));
                }
            }
            Err(_) => {
                // One that cannot be stored must not take the others with it.
                for one in batch.drain(..) {
                    let alone = store
                        .accept_deliveries(vec![Arc::clone(&one.delivery)])
                        .await;
                    let accepted = alone.and_then(|accepted| {
                        accepted.first().copied().ok_or(store::Error::Stopped)
                    });
                    let _ = one.answer.send(accepted);
                }
            }
        }
    }
}
