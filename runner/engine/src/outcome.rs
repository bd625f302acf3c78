//! What a hook's call came to, in the words of the journal.

use domain::{HookOutcome, Requests};
use sandbox::{CheckAnswer, Failure, Fate, Output, Report, RequestRecord};

/// Says what the hook answered.
pub(crate) fn of_hook(report: &Report) -> HookOutcome {
    match &report.outcome {
        Ok(Output::Subscription(subscription)) => HookOutcome::Subscribed(subscription.clone()),
        Ok(Output::Unsubscribed) => HookOutcome::Unsubscribed,
        Ok(Output::Check(CheckAnswer::Found(found))) if found.is_empty() => HookOutcome::Absent,
        Ok(Output::Check(CheckAnswer::Found(found))) => HookOutcome::Found(found.clone()),
        Ok(Output::Check(CheckAnswer::Absent)) => HookOutcome::Absent,
        Ok(Output::Check(CheckAnswer::Unsure)) => HookOutcome::Unsure,
        Ok(Output::Run(_) | Output::Props(_) | Output::Received { .. }) => HookOutcome::Broken {
            message: "the hook gave the answer of another operation".to_owned(),
        },
        Err(Failure::Guest {
            retryable,
            message,
            retry_after,
        }) => HookOutcome::Refused {
            retryable: *retryable,
            message: message.clone(),
            retry_after: *retry_after,
        },
        Err(
            failure @ (Failure::Trap(_)
            | Failure::Limit { .. }
            | Failure::BadContract { .. }
            | Failure::Host { .. }),
        ) => HookOutcome::Broken {
            message: failure.to_string(),
        },
    }
}

/// Says what became of the requests of a call.
pub(crate) fn of_requests(requests: &[RequestRecord]) -> Requests {
    let any = |fate: Fate| requests.iter().any(|request| request.fate == fate);
    if any(Fate::NoAnswer) {
        Requests::Unanswered
    } else if any(Fate::Answered) {
        Requests::Answered
    } else {
        Requests::None
    }
}
