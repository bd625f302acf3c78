//! What operations take and return, in our own words.

use std::time::Duration;

use domain::{Requests, Secret, Subscription, UserId};

use crate::failure::Failure;
use crate::host::kv::KvWrite;
use crate::http::{RequestRecord, summary};
use crate::log::Log;

/// One operation of a guest, with its arguments.
#[derive(Debug, Clone)]
pub enum Call {
    /// Runs an action.
    RunAction {
        /// Its name.
        name: String,
        /// A JSON text.
        input: String,
        /// The run it is part of.
        context: RunContext,
    },
    /// Runs a workflow.
    RunWorkflow {
        /// Its name.
        name: String,
        /// A JSON text.
        input: String,
        /// The run it is part of.
        context: RunContext,
    },
    /// Asks what a webhook's subscription depends on; has no network and no store.
    SubscriptionProps {
        /// The webhook.
        webhook: String,
        /// The connected user, where it is per user.
        user: Option<UserId>,
    },
    /// Subscribes a webhook.
    Subscribe {
        /// The webhook.
        webhook: String,
        /// What is to be made.
        registration: Registration,
    },
    /// Takes a subscription back.
    Unsubscribe {
        /// The webhook.
        webhook: String,
        /// What was made.
        registration: Registration,
        /// A JSON text, as `subscribe` returned it.
        unsubscribe_props: Secret,
    },
    /// Prolongs a subscription.
    Refresh {
        /// The webhook.
        webhook: String,
        /// What was made.
        registration: Registration,
        /// A JSON text, as `subscribe` returned it.
        unsubscribe_props: Secret,
    },
    /// Finds out what the provider holds.
    Check {
        /// The webhook.
        webhook: String,
        /// What may have been made.
        registration: Registration,
        /// A JSON text, as `subscribe` returned it, if it did.
        unsubscribe_props: Option<Secret>,
    },
    /// Handles a delivery.
    Receive {
        /// The webhook.
        webhook: String,
        /// The delivery, its signature verified.
        delivery: Delivery,
        /// The run it is part of.
        context: RunContext,
    },
}

impl Call {
    /// Returns the operation's name, as the contract has it.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::RunAction { .. } => "run-action",
            Self::RunWorkflow { .. } => "run-workflow",
            Self::SubscriptionProps { .. } => "subscription-props",
            Self::Subscribe { .. } => "subscribe",
            Self::Unsubscribe { .. } => "unsubscribe",
            Self::Refresh { .. } => "refresh",
            Self::Check { .. } => "check",
            Self::Receive { .. } => "receive",
        }
    }
}

/// The run that an operation is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunContext {
    /// The run's id.
    pub run: String,
    /// Counts from 1.
    pub attempt: u32,
    /// The same for every attempt of one run.
    pub idempotency_key: String,
    /// The connected user that it is for.
    pub user: Option<UserId>,
}

/// The registration that a hook works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// A JSON text, as `subscription-props` returned it.
    pub props: String,
    /// The address that the provider delivers to.
    pub endpoint: String,
    /// The same for as long as an earlier attempt may have had an effect.
    pub key: String,
    /// The connected user that it is for.
    pub user: Option<UserId>,
}

/// One inbound webhook request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: String,
    /// Its method.
    pub method: String,
    /// Path and query as received, without the endpoint's token.
    pub query: String,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: Vec<u8>,
    /// When it was received, in milliseconds since the Unix epoch.
    pub received_at_ms: u64,
}

/// What an operation returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// An action's or a workflow's output, a JSON text with secrets taken out.
    Run(String),
    /// What a subscription depends on, a JSON text.
    Props(String),
    /// A subscription that was made or prolonged.
    Subscription(Subscription),
    /// A subscription is gone.
    Unsubscribed,
    /// What the provider holds.
    Check(CheckAnswer),
    /// A delivery was handled.
    Received {
        /// The input of the workflows that the webhook triggers, a JSON text with secrets taken out.
        output: String,
        /// The answer to the provider, as it is to be sent.
        response: Option<Response>,
    },
}

/// What `check` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckAnswer {
    /// Every subscription at the provider for the endpoint; at least one.
    Found(Vec<Subscription>),
    /// There is none.
    Absent,
    /// It cannot be said.
    Unsure,
}

/// An answer to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What an operation used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// CPU time, the host's work for the operation included.
    pub cpu: Duration,
    /// The time from start to end; waiting for a slot is no part of it.
    pub wall: Duration,
    /// The most memory in use at once, in bytes.
    pub peak_memory_bytes: u64,
}

/// Everything that is known about one call.
#[derive(Debug, Clone)]
pub struct Report {
    /// What the guest returned, or why it did not.
    pub outcome: Result<Output, Failure>,
    /// What it used.
    pub usage: Usage,
    /// The requests it made, in order.
    pub requests: Vec<RequestRecord>,
    /// What it logged.
    pub log: Log,
    /// What it wrote to the store, to be committed with the output; empty after a failure.
    pub kv_writes: Vec<KvWrite>,
}

impl Report {
    /// Returns what became of the requests, all in all.
    #[must_use]
    pub fn requests_fate(&self) -> Requests {
        summary(&self.requests)
    }
}
