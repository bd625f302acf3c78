//! The contract's types to ours and back.

use std::time::Duration;

use domain::{Secret, Subscription, Timestamp, UserId};

use crate::bindings::operations as wit;
use crate::call::{CheckAnswer, Delivery, Registration, Response, RunContext};
use crate::failure::Failure;

mod declarations;

pub(crate) use declarations::{deploy_list, finding};

pub(crate) fn user(user: Option<UserId>) -> Option<wit::User> {
    user.map(|UserId(id)| wit::User { id })
}

pub(crate) fn context(context: RunContext) -> wit::RunContext {
    wit::RunContext {
        run: context.run,
        attempt: context.attempt,
        idempotency_key: context.idempotency_key,
        user: user(context.user),
    }
}

pub(crate) fn registration(registration: Registration) -> wit::Registration {
    wit::Registration {
        props: registration.props,
        endpoint: registration.endpoint,
        key: registration.key,
        user: user(registration.user),
    }
}

pub(crate) fn delivery(delivery: Delivery) -> wit::Delivery {
    wit::Delivery {
        id: delivery.id,
        method: delivery.method,
        query: delivery.query,
        headers: delivery
            .headers
            .into_iter()
            .map(|(name, value)| wit::Header { name, value })
            .collect(),
        body: delivery.body,
        received_at_ms: delivery.received_at_ms,
    }
}

pub(crate) fn subscription(subscription: wit::Subscription) -> Subscription {
    Subscription {
        unsubscribe_props: Secret::new(subscription.unsubscribe_props),
        expires_at: subscription
            .expires_at_ms
            .map(|millis| Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))),
        signing_secret: subscription.signing_secret.map(Secret::new),
    }
}

pub(crate) fn check_answer(answer: wit::CheckAnswer) -> CheckAnswer {
    match answer {
        wit::CheckAnswer::Found(found) if found.is_empty() => CheckAnswer::Absent,
        wit::CheckAnswer::Found(found) => {
            CheckAnswer::Found(found.into_iter().map(subscription).collect())
        }
        wit::CheckAnswer::Absent => CheckAnswer::Absent,
        wit::CheckAnswer::Unsure => CheckAnswer::Unsure,
    }
}

pub(crate) fn response(response: wit::Response) -> Response {
    Response {
        status: response.status,
        headers: response
            .headers
            .into_iter()
            .map(|header| (header.name, header.value))
            .collect(),
        body: response.body,
    }
}

pub(crate) fn guest_failure(error: wit::OperationError) -> Failure {
    let (retryable, failure) = match error {
        wit::OperationError::Retryable(failure) => (true, failure),
        wit::OperationError::Final(failure) => (false, failure),
    };
    Failure::Guest {
        retryable,
        message: failure.message,
        retry_after: failure.retry_after_ms.map(Duration::from_millis),
    }
}
