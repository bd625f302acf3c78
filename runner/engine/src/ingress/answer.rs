//! What a provider gets of a handler's answer.

use domain::{DeliveryId, REDACTED, REDACTED_FROM, RunStatus, Secret};
use sandbox::Response;

use super::{IngressAnswer, acknowledged, named};
use crate::runs::Attempted;

/// Headers that are the connection's, the server's or a browser's business and not the handler's.
const LEFT_OUT: [&str; 13] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "server",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Makes the answer from what the attempt came to.
pub(super) fn of(delivery: DeliveryId, attempted: Attempted) -> IngressAnswer {
    match (attempted.status, attempted.response) {
        (RunStatus::Succeeded, Some(response)) => given(delivery, response),
        (RunStatus::Succeeded, None) => acknowledged(delivery),
        (RunStatus::Queued | RunStatus::Running | RunStatus::Retrying, _) => acknowledged(delivery),
        (
            RunStatus::Failed | RunStatus::Dead | RunStatus::Cancelled | RunStatus::Interrupted,
            _,
        ) => failed(delivery),
    }
}

fn given(delivery: DeliveryId, response: Response) -> IngressAnswer {
    if !(200..=599).contains(&response.status) {
        tracing::warn!(
            delivery.id = delivery.0,
            status = response.status,
            "a handler answered with what is no status"
        );
        return failed(delivery);
    }
    let mut headers: Vec<(String, Vec<u8>)> = response
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, value)| is_header(name, value))
        .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
        .collect();
    headers.push(named(delivery));
    IngressAnswer {
        status: response.status,
        headers,
        body: response.body,
    }
}

fn failed(delivery: DeliveryId) -> IngressAnswer {
    IngressAnswer {
        status: 500,
        ..acknowledged(delivery)
    }
}

/// Returns whether HTTP allows a header (RFC 9110).
fn is_header(name: &str, value: &[u8]) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty()
        && name.bytes().all(token)
        && value
            .iter()
            .all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}

/// Takes secrets out of a handler's answer, by value, as out of all that guests return.
pub(crate) fn redacted(response: Response, secrets: &[Secret]) -> Response {
    let mut secrets: Vec<&[u8]> = secrets
        .iter()
        .map(|secret| secret.expose().as_bytes())
        .filter(|secret| secret.len() >= REDACTED_FROM)
        .collect();
    // Longest first, so that a value that contains another goes whole.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let without = |mut bytes: Vec<u8>| {
        for secret in &secrets {
            bytes = replaced(bytes, secret);
        }
        bytes
    };
    Response {
        status: response.status,
        headers: response
            .headers
            .into_iter()
            .map(|(name, value)| (name, without(value)))
            .collect(),
        body: without(response.body),
    }
}

fn replaced(bytes: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    let first_at = |bytes: &[u8]| bytes.windows(secret.len()).position(|part| part == secret);
    let Some(mut at) = first_at(&bytes) else {
        return bytes;
    };
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    loop {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(REDACTED.as_bytes());
        rest = &rest[at + secret.len()..];
        match first_at(rest) {
            Some(next) => at = next,
            None => break,
        }
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Response {
        Response {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body: body.to_vec(),
        }
    }

    fn answer(status: RunStatus, response: Option<Response>) -> IngressAnswer {
        of(DeliveryId(7), Attempted { status, response })
    }

    #[test]
    fn a_handlers_answer_is_given_without_what_is_not_its_business() {
        let headers = [
            ("Content-Type", "text/xml"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", "99"),
            ("Set-Cookie", "a=b"),
            ("x-bad", "a\r\nx: y"),
            ("bad name", "a"),
            ("", "a"),
        ];
        let given = answer(
            RunStatus::Succeeded,
            Some(response(202, &headers, b"<Say/>")),
        );
        assert_eq!(
            (given.status, given.body.as_slice()),
            (202, b"<Say/>".as_slice())
        );
        let names: Vec<_> = given
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["content-type", "tidegate-delivery"]);
    }

    #[test]
    fn only_what_failed_for_good_is_an_error_to_the_provider() {
        for (status, expected) in [
            (RunStatus::Succeeded, 200),
            (RunStatus::Retrying, 200),
            (RunStatus::Failed, 500),
            (RunStatus::Dead, 500),
            (RunStatus::Cancelled, 500),
        ] {
            assert_eq!(answer(status, None).status, expected, "{status}");
        }
        for status in [0, 100, 101, 199, 600] {
            let odd = response(status, &[], b"");
            assert_eq!(
                answer(RunStatus::Succeeded, Some(odd)).status,
                500,
                "{status}"
            );
        }
    }

    #[test]
    fn secrets_are_taken_out_of_bytes_that_are_no_text() {
        let secrets = ["hunter2-hunter2", "hunter2-hunter2-long", "short"].map(Secret::new);
        let body = b"\xffhunter2-hunter2-long hunter2-hunter2hunter2-hunter2 short\xfe";
        let redacted = redacted(response(200, &[("x", "hunter2-hunter2")], body), &secrets);
        assert_eq!(
            redacted.body,
            b"\xff[redacted] [redacted][redacted] short\xfe"
        );
        assert_eq!(redacted.headers[0].1, b"[redacted]");
    }
}
