//! What is sent to a webhook: a body with its headers, given or as it came before.

use domain::DeliveryId;
use engine::{Engine, SignedDelivery};
use http::{HeaderName, HeaderValue, header};

use crate::door::Sent;
use crate::error::CliError;
use crate::input;

/// Headers that say who connects, how, and what he may: they are no part of what is sent.
const LEFT_OUT: [HeaderName; 11] = [
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::COOKIE,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Of them those that no option sets either, since they are the connection's.
const OF_THE_CONNECTION: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Headers in which providers give a delivery its id.
const IDS: [&str; 3] = ["webhook-id", "x-github-delivery", "x-shopify-webhook-id"];

const AGENT: &str = concat!("tidegate/", env!("CARGO_PKG_VERSION"));

/// A body with what belongs to it, not signed yet.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) body: Vec<u8>,
    /// The id that its provider gave it in a header.
    pub(super) id: Option<String>,
    query: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Payload {
    /// Makes one of what somebody gives.
    pub(super) fn given(input: &str) -> Result<Self, CliError> {
        let body = input::payload(input)?;
        let is_json = serde_json::from_slice::<serde_json::Value>(&body).is_ok();
        let media_type = match is_json {
            true => "application/json",
            false => "application/octet-stream",
        };
        Ok(Self {
            body,
            id: None,
            query: String::new(),
            headers: vec![
                (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
                (header::USER_AGENT, HeaderValue::from_static(AGENT)),
            ],
        })
    }

    /// Makes one of what came before; under another id, it leaves out what tells it from others.
    pub(super) async fn stored(
        engine: &Engine,
        delivery: DeliveryId,
        new_id: bool,
    ) -> Result<Self, CliError> {
        let report = engine.delivery(delivery).await?;
        let body = engine.delivery_body(delivery).await?;
        let (Some(content), Some(body)) = (report.content, body) else {
            return Err(engine::ReadError::DeliveryExpired(delivery).into());
        };
        let came: Vec<(HeaderName, HeaderValue)> = content
            .headers
            .iter()
            .filter(|one| !new_id || report.key.as_ref() != Some(&one.value))
            .filter_map(|one| Some((one.name.parse().ok()?, one.value.parse().ok()?)))
            .filter(|(name, _)| !LEFT_OUT.contains(name))
            .collect();
        let id = came
            .iter()
            .find(|(name, _)| !new_id && IDS.contains(&name.as_str()))
            .and_then(|(_, value)| value.to_str().ok().map(str::to_owned));
        Ok(Self {
            body,
            id,
            query: content.query,
            headers: came,
        })
    }

    /// Makes what is sent: of the headers of one name, those that somebody asked for count, then
    /// those that sign.
    pub(super) fn sent(
        self,
        signed: SignedDelivery,
        asked: &[(HeaderName, HeaderValue)],
    ) -> Result<Sent, CliError> {
        let mut signing = Vec::new();
        for (name, value) in signed.headers {
            let pair = name.parse().ok().zip(value.parse().ok());
            signing.push(pair.ok_or_else(|| {
                CliError::usage(format!(
                    "the webhook's signature has a header `{name}` that HTTP does not allow"
                ))
            })?);
        }
        let mut headers = asked.to_vec();
        for group in [signing, self.headers] {
            let mut added: Vec<_> = group
                .into_iter()
                .filter(|(name, _)| !headers.iter().any(|(other, _)| other == name))
                .collect();
            headers.append(&mut added);
        }
        Ok(Sent {
            method: signed.method,
            path: signed.path,
            query: self.query,
            headers,
            body: signed.body,
        })
    }
}

/// Parses a header as it is given to an option.
pub(super) fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| "NAME:VALUE is expected".to_owned())?;
    let name: HeaderName = name
        .trim()
        .parse()
        .map_err(|_| "HTTP does not allow this name of a header".to_owned())?;
    if OF_THE_CONNECTION.contains(&name) {
        return Err(format!("`{name}` is the connection's own"));
    }
    let value = value
        .trim()
        .parse()
        .map_err(|_| "HTTP does not allow this value of a header".to_owned())?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use engine::SignedDelivery;

    use super::{Payload, header};

    fn names(asked: &[&str]) -> Vec<String> {
        let payload = Payload::given("{}").unwrap();
        let signed = SignedDelivery {
            url: None,
            path: "/hooks/t".to_owned(),
            method: "POST".to_owned(),
            headers: vec![("x-signature".to_owned(), "right".to_owned())],
            body: payload.body.clone(),
        };
        let asked: Vec<_> = asked.iter().map(|text| header(text).unwrap()).collect();
        let sent = payload.sent(signed, &asked).unwrap();
        let shown = |(name, value): &(http::HeaderName, http::HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        sent.headers.iter().map(shown).collect()
    }

    #[test]
    fn what_somebody_asks_for_counts_more_than_what_signs() {
        let agent = concat!("user-agent: tidegate/", env!("CARGO_PKG_VERSION"));
        let usual = [
            "x-signature: right",
            "content-type: application/json",
            agent,
        ];
        assert_eq!(names(&[]), usual);
        let asked = ["X-Signature: wrong", "Content-Type:text/plain", "a: b:c"];
        let expected = [
            "x-signature: wrong",
            "content-type: text/plain",
            "a: b:c",
            agent,
        ];
        assert_eq!(names(&asked), expected);
    }

    #[test]
    fn a_header_has_a_name_and_a_value_and_is_not_the_connections() {
        assert!(header("a").unwrap_err().contains("NAME:VALUE"));
        assert!(header("a b: c").is_err());
        assert!(header("Host: a.example").unwrap_err().contains("host"));
    }
}
