//! Webhook ingress: from raw bytes at an address to a delivery that is stored and answered.
//!
//! Nothing of a guest runs before the signature was verified, and nobody is
//! told that a delivery was taken before it is durable. Whatever is not meant
//! for a live webhook gets the same refusal.

mod answer;
mod rate;
mod reply;
mod writer;

use std::time::Duration;

use domain::declare::{Respond, Signature, SigningKey};
use domain::{DeliveryId, Place, Refusal, RunId, Secret, Timestamp};
use store::{Accept, Accepted, AddressOf, Receiver};

use crate::engine::{Engine, Owner};

use rate::Limiter;
use reply::{Expected, Replies};
use writer::DeliveryWriter;

pub(crate) use answer::redacted;
pub use rate::RateLimit;

/// The header of an answer that names the delivery.
const DELIVERY_HEADER: &str = "tidegate-delivery";

/// How long a provider is asked to wait while something that is needed is not there.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// The most letters of a challenge that are sent back.
const MAX_CHALLENGE: usize = 1024;

/// What the ingress allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngressLimits {
    /// The most bytes of a body.
    pub body: usize,
    /// How many requests each address may get.
    pub rate: RateLimit,
    /// The most bytes of deliveries that wait to be stored.
    pub waiting: usize,
}

impl Default for IngressLimits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            rate: RateLimit {
                per_second: 100,
                burst: 200,
            },
            waiting: 64 << 20,
        }
    }
}

/// A request that came to the ingress.
#[derive(Debug, Clone)]
pub struct IngressRequest {
    /// The method, in capitals.
    pub method: String,
    /// What stands after the token in the address: a path, a query with its `?`, or nothing.
    pub query: String,
    /// The headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body as it was sent.
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: Timestamp,
}

/// What a provider is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressAnswer {
    /// The status.
    pub status: u16,
    /// The headers, in order; none that speaks of the connection or the length.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Says why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub enum IngressRefusal {
    /// There is no such address, its webhook is disabled, or the signature is bad: no one is told which.
    #[error("nothing is here")]
    Unknown,
    /// The body is too large.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// The address gets too many requests.
    #[error("too many requests; try again in {} s", retry_after.as_secs_f32())]
    TooMany {
        /// When there is room again.
        retry_after: Duration,
    },
    /// It cannot be taken now; nothing was stored.
    #[error("not available now; try again in {} s", retry_after.as_secs())]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store failed.
    #[error("it could not be stored")]
    Store(#[source] store::Error),
}

impl IngressRefusal {
    /// Returns the status that a provider gets.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Unknown => 404,
            Self::TooLarge(_) => 413,
            Self::TooMany { .. } => 429,
            Self::Unavailable { .. } => 503,
            Self::Store(store::Error::DiskFull) => 507,
            Self::Store(_) => 500,
        }
    }

    /// Returns after how many seconds, at least 1, it may be tried again.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let wait = match self {
            Self::TooMany { retry_after } | Self::Unavailable { retry_after } => *retry_after,
            Self::Store(store::Error::DiskFull) => RETRY_AFTER,
            Self::Unknown | Self::TooLarge(_) | Self::Store(_) => return None,
        };
        Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }
}

/// What the ingress holds in memory.
pub(crate) struct Ingress {
    limits: IngressLimits,
    limiter: Limiter,
    writer: DeliveryWriter,
    pub(crate) replies: Replies,
}

impl Ingress {
    pub(crate) fn new(limits: IngressLimits, store: store::Store) -> Self {
        Self {
            limits,
            limiter: Limiter::new(limits.rate),
            writer: DeliveryWriter::new(store, limits.waiting),
            replies: Replies::default(),
        }
    }
}

impl Owner {
    /// Takes what came to `/hooks/{token}`: verifies it, stores it, and says what to answer.
    ///
    /// A webhook that responds `ack`, and a delivery that came before, is answered with an empty
    /// 200 as soon as it is durable: some providers take nothing else for success. One that
    /// responds `sync` is stored first as well; its handler's answer is given if it comes in
    /// time. If it does not, or the attempt failed and another will be made, the provider gets the
    /// same 200, for the delivery will be handled; only when the handler failed for good does it
    /// get a 500.
    ///
    /// # Errors
    /// When it is refused; nothing was stored then.
    pub async fn receive(
        &self,
        token: &str,
        request: IngressRequest,
    ) -> Result<IngressAnswer, IngressRefusal> {
        let ingress = &self.ingress;
        if request.body.len() > ingress.limits.body {
            return Err(IngressRefusal::TooLarge(ingress.limits.body));
        }
        let found = self
            .store
            .receiver(Secret::new(token), self.clock.now())
            .await
            .map_err(IngressRefusal::Store)?;
        let Some(receiver) = found else {
            verify_nothing(&request.body);
            return Err(IngressRefusal::Unknown);
        };
        ingress
            .limiter
            .take(receiver.address, self.clock.elapsed())
            .map_err(|retry_after| IngressRefusal::TooMany { retry_after })?;
        if request.method == "GET" {
            return challenge(&receiver, &request.query).ok_or(IngressRefusal::Unknown);
        }
        self.check(&receiver, &request)?;
        if let Some(answer) = domain::slack_challenge(&receiver.webhook, &request.body) {
            return Ok(text(answer));
        }
        let deadline = match receiver.webhook.respond {
            Respond::Ack => None,
            Respond::Sync { deadline_ms } => Some(Duration::from_millis(deadline_ms.into())),
        };
        let waiting = deadline.map(|deadline| (deadline, ingress.replies.expect()));
        let place = receiver.place;
        let accept = accept(receiver, request)?;
        match (ingress.writer.accept(accept).await?, waiting) {
            (Accepted::Duplicate { delivery }, _) => {
                tracing::info!(delivery.id = delivery.0, "a delivery came again");
                Ok(acknowledged(delivery))
            }
            (Accepted::Stored { delivery, .. }, None) => Ok(acknowledged(delivery)),
            (Accepted::Stored { delivery, run }, Some((deadline, expected))) => Ok(self
                .answer_of(place, delivery, expected, run, deadline)
                .await),
        }
    }

    /// Has a delivery handled at once and waits for the answer, but not for longer than it may take.
    async fn answer_of(
        &self,
        place: Place,
        delivery: DeliveryId,
        expected: Expected,
        run: RunId,
        deadline: Duration,
    ) -> IngressAnswer {
        let mut awaited = expected.of(run);
        let Some(admitted) = self.under_way.admit(place) else {
            tracing::warn!(delivery.id = delivery.0, "too many are answered already");
            return acknowledged(delivery);
        };
        let engine = Engine::clone(self);
        // It goes on when the provider goes away. If the queue was quicker, this does nothing.
        tokio::spawn(async move {
            let _admitted = admitted;
            if let Err(error) = engine.attempt_waiting(run).await {
                tracing::warn!(run = run.0, %error, "a delivery could not be handled at once");
            }
        });
        tokio::select! {
            biased;
            reply = awaited.reply() => match reply {
                Some(reply) => answer::of(delivery, reply),
                None => acknowledged(delivery),
            },
            () = self.clock.sleep(deadline) => {
                tracing::info!(delivery.id = delivery.0, "a handler was too slow to answer");
                acknowledged(delivery)
            }
        }
    }

    /// Verifies a request's signature. A key that is not there yet is no fault of the provider's:
    /// it is asked to come again.
    fn check(&self, receiver: &Receiver, request: &IngressRequest) -> Result<(), IngressRefusal> {
        let signature = &receiver.webhook.signature;
        let webhook = receiver.webhook.name.as_str();
        if *signature != Signature::None && receiver.keys.is_empty() {
            verify_nothing(&request.body);
            tracing::warn!(
                webhook,
                needs = key_label(signature.key()),
                "a delivery cannot be verified"
            );
            return Err(IngressRefusal::Unavailable {
                retry_after: RETRY_AFTER,
            });
        }
        let now = self.clock.now();
        domain::verify(
            signature,
            &receiver.keys,
            &request.headers,
            &request.body,
            now,
        )
        .map_err(|refusal| match refusal {
            Refusal::Key(error) => {
                tracing::warn!(webhook, %error, "a delivery cannot be verified");
                IngressRefusal::Unavailable {
                    retry_after: RETRY_AFTER,
                }
            }
            refusal @ (Refusal::Missing(_)
            | Refusal::Repeated(_)
            | Refusal::Malformed(_)
            | Refusal::Untimely { .. }
            | Refusal::Mismatch) => {
                tracing::info!(webhook, %refusal, "a delivery was refused");
                IngressRefusal::Unknown
            }
        })
    }
}

/// Does the work of verifying, so that an unknown address takes as long as a bad signature.
fn verify_nothing(body: &[u8]) {
    let scheme = Signature::Github {
        key: SigningKey::Issued,
    };
    let header = (
        "x-hub-signature-256".to_owned(),
        format!("sha256={}", "00".repeat(32)).into_bytes(),
    );
    let nobody = [Secret::new("nobody")];
    let refused = domain::verify(&scheme, &nobody, &[header], body, Timestamp::EPOCH);
    debug_assert!(refused.is_err(), "nobody signs with this key");
}

/// Says where a webhook's key is to come from.
pub(crate) fn key_label(key: Option<&SigningKey>) -> String {
    match key {
        Some(SigningKey::Secret { name }) => format!("secret {name}"),
        Some(SigningKey::Issued) => "the key that the provider issues at `subscribe`".to_owned(),
        None => "nothing".to_owned(),
    }
}

fn accept(receiver: Receiver, request: IngressRequest) -> Result<Accept, IngressRefusal> {
    let headers: Vec<(String, Vec<u8>)> = request
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let webhook = receiver.webhook.name.parse().map_err(|_| {
        let name = &receiver.webhook.name;
        IngressRefusal::Store(store::Error::Corrupt(format!(
            "a webhook is named `{name}`"
        )))
    })?;
    Ok(Accept {
        place: receiver.place,
        address: receiver.address,
        object: receiver.object,
        webhook,
        user: receiver.user,
        received_at: request.received_at,
        dedupe: domain::dedupe_key(&receiver.webhook, &headers, &request.body),
        method: request.method,
        query: request.query,
        headers,
        body: request.body,
    })
}

/// Answers a provider that checks an address, where the webhook declares how.
fn challenge(receiver: &Receiver, query: &str) -> Option<IngressAnswer> {
    let wanted = receiver.webhook.challenge.as_deref()?;
    let (_, pairs) = query.split_once('?')?;
    let value = pairs
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(name, _)| unescaped(name) == wanted.as_bytes())
        .map(|(_, value)| unescaped(value))?;
    let value = String::from_utf8(value).ok()?;
    (!value.is_empty() && value.len() <= MAX_CHALLENGE).then(|| text(value))
}

/// Reads a part of a query, as forms write it.
fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| byte == b'%');
        let escaped = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(match (escaped, byte) {
            (Some(escaped), _) => escaped,
            (None, b'+') => b' ',
            (None, byte) => byte,
        });
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    out
}

/// Makes an answer that no browser takes for a page.
fn text(body: String) -> IngressAnswer {
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    IngressAnswer {
        status: 200,
        headers: vec![
            header("content-type", "text/plain; charset=utf-8"),
            header("x-content-type-options", "nosniff"),
        ],
        body: body.into_bytes(),
    }
}

/// Makes the answer to what is stored.
fn acknowledged(delivery: DeliveryId) -> IngressAnswer {
    IngressAnswer {
        status: 200,
        headers: vec![named(delivery)],
        body: Vec::new(),
    }
}

fn named(delivery: DeliveryId) -> (String, Vec<u8>) {
    (
        DELIVERY_HEADER.to_owned(),
        delivery.to_string().into_bytes(),
    )
}

/// Says what an address belongs to, for people.
pub(crate) fn address_label(address: AddressOf) -> String {
    match address {
        AddressOf::Registration(id) => format!("subscription {id}"),
        AddressOf::Endpoint(id) => format!("address {id}"),
    }
}
