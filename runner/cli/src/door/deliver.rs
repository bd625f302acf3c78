//! Delivering to a webhook as its provider does: at the port where webhooks are received, or
//! into this process where none is open.

use bytes::Bytes;
use domain::{DeliveryId, Timestamp};
use engine::{Code, IngressRefusal, IngressRequest, Owner};
use http::uri::Scheme;
use http::{HeaderName, HeaderValue, Request, Uri};
use http_body_util::Full;

use super::{Door, there};
use crate::client::{Client, ClientError};
use crate::error::CliError;

/// Where in an address the token of a webhook stands.
const HOOKS: &str = "/hooks/";
/// The header of an answer that names the delivery.
const DELIVERY_HEADER: &str = "tidegate-delivery";
/// The host that a delivery names which goes over no network.
const NO_NETWORK: &str = "localhost";

/// What is delivered.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// The method.
    pub(crate) method: String,
    /// Where, with the token; no scheme, host and port.
    pub(crate) path: String,
    /// What stands after the token: a path, a query with its `?`, or nothing.
    pub(crate) query: String,
    /// The headers, in order; none of the connection's own.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// What the provider is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The delivery, if it was taken, or came before.
    pub(crate) delivery: Option<DeliveryId>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Door<'_> {
    /// Delivers to a webhook of the data directory, wherever its webhooks are received.
    ///
    /// # Errors
    /// When nobody could receive it; a refusal is an answer.
    pub(crate) async fn deliver(&mut self, sent: &Sent) -> Result<Answer, CliError> {
        self.through(
            async |owner| receive(owner, sent).await,
            async |client| {
                let Some(address) = there::addresses(client).await?.ingress else {
                    return Err(no_ingress());
                };
                let received = send(&Client::new(address.to_string()), "", sent).await;
                received.map_err(|error| match error {
                    // The owner is there, so this process must not take its place.
                    ClientError::Unreached { source, .. } => ClientError::Broken(source.into()),
                    error => error,
                })
            },
        )
        .await
    }
}

/// Delivers to an address elsewhere, below which webhooks are received.
///
/// # Errors
/// When nobody answers there.
pub(crate) async fn deliver_to(base: &Uri, sent: &Sent) -> Result<Answer, CliError> {
    let host = base.host().unwrap_or_default();
    let address = format!("{host}:{}", base.port_u16().unwrap_or(80));
    let answer = send(&Client::new(address), base.path(), sent).await;
    answer.map_err(|error| {
        let message = format!("nothing could be delivered to {base}");
        CliError::because(Code::DeliveryRefused, message, &error)
    })
}

/// Parses an address below which webhooks are received.
pub(crate) fn base_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text
        .parse()
        .map_err(|_| "an address such as http://127.0.0.1:4601 is expected".to_owned())?;
    match url.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => Ok(url),
        Some(_) => Err(
            "only http:// can be spoken; give the address behind the proxy or tunnel".to_owned(),
        ),
        None => Err("an address such as http://127.0.0.1:4601 is expected".to_owned()),
    }
}

async fn send(client: &Client, prefix: &str, sent: &Sent) -> Result<Answer, ClientError> {
    let prefix = prefix.trim_end_matches('/');
    let mut request = Request::builder()
        .method(sent.method.as_str())
        .uri(format!("{prefix}{}{}", sent.path, sent.query))
        .body(Full::new(Bytes::from(sent.body.clone())))
        .map_err(|error| ClientError::Unintelligible(error.to_string()))?;
    for (name, value) in &sent.headers {
        request.headers_mut().append(name, value.clone());
    }
    let response = client.connect().await?.exchange(request).await?;
    let delivery = response.headers().get(DELIVERY_HEADER);
    Ok(Answer {
        status: response.status().as_u16(),
        delivery: delivery.and_then(|value| value.to_str().ok()?.parse().ok()),
        body: response.into_body().into(),
    })
}

async fn receive(owner: &Owner, sent: &Sent) -> Result<Answer, CliError> {
    let token = sent.path.strip_prefix(HOOKS).unwrap_or_default();
    // What a connection adds, so that a handler finds the same headers both ways.
    let of_the_connection = [
        ("host", NO_NETWORK.to_owned()),
        ("content-length", sent.body.len().to_string()),
    ];
    let headers = sent
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .chain(of_the_connection.map(|(name, value)| (name.to_owned(), value.into_bytes())));
    let request = IngressRequest {
        method: sent.method.clone(),
        query: sent.query.clone(),
        headers: headers.collect(),
        body: sent.body.clone(),
        received_at: now(),
    };
    match owner.receive(token, request).await {
        Ok(answer) => {
            let named = answer
                .headers
                .iter()
                .find(|(name, _)| name == DELIVERY_HEADER)
                .and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok());
            Ok(Answer {
                status: answer.status,
                delivery: named,
                body: answer.body,
            })
        }
        Err(IngressRefusal::Store(error)) => Err(CliError::from(engine::ReadError::from(error))),
        Err(refusal) => Ok(Answer {
            status: refusal.status(),
            delivery: None,
            body: Vec::new(),
        }),
    }
}

fn now() -> Timestamp {
    use engine::Clock as _;
    engine::SystemClock::default().now()
}

fn no_ingress() -> ClientError {
    let detail = "the process that owns the data directory receives no webhooks";
    ClientError::Problem(Box::new(server::wire::Problem::new(
        Code::DeliveryRefused,
        detail,
    )))
}

#[cfg(test)]
mod tests {
    use super::base_url;

    #[test]
    fn only_an_address_that_can_be_spoken_to_is_one() {
        assert_eq!(base_url("http://a.example/x").unwrap().path(), "/x");
        assert!(
            base_url("https://a.example")
                .unwrap_err()
                .contains("http://")
        );
        assert!(base_url("a.example").is_err());
        assert!(base_url("/hooks").is_err());
    }
}
