//! Deliveries after they were accepted: their handler's call, what is shown of them, and replays.

mod addresses;
mod report;
mod sample;

use domain::{DeliveryId, EnvironmentName, ObjectName, ProjectName, RunId, RunStatus};
use sandbox::{Call, RunContext};
use store::{DeliveryFilter, DeliveryRecord};

use crate::engine::{Engine, Owner};
use crate::error::ReadError;

pub use report::{
    AddressReport, DeliveriesReport, DeliveryContentReport, DeliveryReport, HeaderReport,
};
pub use sample::{SampleError, SampleRequest, SignedDelivery};

/// Which deliveries are wanted.
#[derive(Debug, Clone, Default)]
pub struct DeliverySelection {
    /// Those of this webhook.
    pub webhook: Option<String>,
    /// Those whose newest run stands so.
    pub status: Option<RunStatus>,
    /// Those that came before this one.
    pub before: Option<DeliveryId>,
    /// The most of them.
    pub limit: u32,
}

impl Engine {
    /// Makes the call that hands a delivery to its webhook's handler.
    pub(crate) async fn delivery_call(
        &self,
        delivery: DeliveryId,
        webhook: String,
        context: RunContext,
    ) -> Result<Call, store::Error> {
        let gone = || store::Error::NotFound(format!("content of delivery {delivery}"));
        let record = self.store.delivery(delivery).await?.ok_or_else(gone)?;
        let body = self.store.delivery_body(delivery).await?.ok_or_else(gone)?;
        Ok(Call::Receive {
            webhook,
            delivery: sandbox::Delivery {
                id: delivery.to_string(),
                method: record.method,
                query: record.query,
                headers: record.headers,
                body,
                received_at_ms: u64::try_from(record.received_at.as_millis()).unwrap_or(0),
            },
            context,
        })
    }

    /// Returns deliveries of a project in an environment, newest first, and how their runs stand
    /// all in all.
    ///
    /// # Errors
    /// When there is no such project or environment.
    pub async fn deliveries(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
        selection: DeliverySelection,
    ) -> Result<DeliveriesReport, ReadError> {
        let place = self.place(project, environment).await?;
        let runs = self.store.delivery_counts(place).await?;
        let webhook = match selection.webhook.as_deref().map(str::parse::<ObjectName>) {
            None => None,
            Some(Ok(name)) => Some(name),
            // What is no name names nothing.
            Some(Err(_)) => {
                return Ok(DeliveriesReport {
                    deliveries: Vec::new(),
                    runs,
                });
            }
        };
        let filter = DeliveryFilter {
            webhook,
            status: selection.status,
            before: selection.before,
        };
        let found = self
            .store
            .deliveries(place, filter, selection.limit)
            .await?;
        Ok(DeliveriesReport {
            deliveries: found
                .into_iter()
                .map(|record| report::delivery(record, project, environment, None))
                .collect(),
            runs,
        })
    }

    /// Returns one delivery with its content.
    ///
    /// # Errors
    /// When there is no such delivery.
    pub async fn delivery(&self, delivery: DeliveryId) -> Result<DeliveryReport, ReadError> {
        let record = self.stored_delivery(delivery).await?;
        let (project, environment) = self.store.place_names(record.place).await?;
        let body = self.store.delivery_body(delivery).await?;
        let content = body.map(|body| report::content(&record, body));
        Ok(report::delivery(
            record,
            &project.name,
            &environment.name,
            content,
        ))
    }

    /// Returns a delivery's body as it came; nothing once its runs are gone.
    ///
    /// # Errors
    /// When there is no such delivery.
    pub async fn delivery_body(&self, delivery: DeliveryId) -> Result<Option<Vec<u8>>, ReadError> {
        self.stored_delivery(delivery).await?;
        Ok(self.store.delivery_body(delivery).await?)
    }

    async fn stored_delivery(&self, delivery: DeliveryId) -> Result<DeliveryRecord, ReadError> {
        self.store
            .delivery(delivery)
            .await?
            .ok_or(ReadError::DeliveryUnknown(delivery))
    }

    /// Forgets deliveries that need not be known any more.
    pub(crate) async fn prune_deliveries(&self) -> Result<(), store::Error> {
        let known = i64::try_from(domain::KNOWN_FOR.as_millis()).unwrap_or(i64::MAX);
        let before = self.clock.now().as_millis().saturating_sub(known);
        let before = domain::Timestamp::from_millis(before);
        self.store.prune_deliveries(before).await.map(drop)
    }
}

impl Owner {
    /// Queues another run for a delivery, on what is live when its turn comes.
    ///
    /// The guest sees the same delivery under the same key, so that one that remembers keys knows
    /// it again.
    ///
    /// # Errors
    /// When there is no such delivery, or its content is gone.
    pub async fn replay_delivery(&self, delivery: DeliveryId) -> Result<RunId, ReadError> {
        self.stored_delivery(delivery).await?;
        match self.store.replay_delivery(delivery, self.clock.now()).await {
            Ok(run) => Ok(run),
            Err(store::Error::NotFound(_)) => Err(ReadError::DeliveryExpired(delivery)),
            Err(error) => Err(error.into()),
        }
    }
}
