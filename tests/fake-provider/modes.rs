//! How the provider misbehaves, as the tests set it through the control address.

use serde::{Deserialize, Serialize};

/// Everything that can be switched; the default behaves well.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Modes {
    /// Answers the creation of hooks with an error and creates nothing.
    pub(crate) refuse_create: Option<Refusal>,
    /// Answers the deletion of hooks with an error and deletes nothing.
    pub(crate) refuse_delete: Option<Refusal>,
    /// Answers the listing of hooks with an error.
    pub(crate) refuse_list: Option<Refusal>,
    /// How many creations are carried out and then left without an answer.
    pub(crate) lose_create_answers: u32,
    /// How many deletions are carried out and then left without an answer.
    pub(crate) lose_delete_answers: u32,
    /// What a creation waits for before it is carried out.
    pub(crate) hold_create: Hold,
    /// How long every call takes: half of it before it is carried out, half after.
    pub(crate) delay_ms: u64,
    /// Whether a second creation with the same `Idempotency-Key` gives the first one's hook.
    pub(crate) honour_key: bool,
    /// Whether a second hook for the same address is created rather than refused.
    pub(crate) allow_duplicates: bool,
    /// The one token that is accepted; any, where none is set.
    pub(crate) token: Option<String>,
}

/// An error that calls are answered with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The `Retry-After` header, in seconds.
    #[serde(default)]
    pub(crate) retry_after_s: Option<u64>,
    /// How many calls are let through before.
    #[serde(default)]
    pub(crate) after: u32,
    /// How many calls are refused; all, where it is not set.
    #[serde(default)]
    pub(crate) times: Option<u32>,
}

/// What a creation waits for before it is carried out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hold {
    /// Nothing.
    #[default]
    Never,
    /// `POST /release` at the control address.
    UntilReleased,
    /// The end of the client's connection: it commits for somebody who is no longer there.
    UntilClientGone,
}

/// Takes one refusal, where one is due.
pub(crate) fn take_refusal(refusal: &mut Option<Refusal>) -> Option<Refusal> {
    let refusal = refusal.as_mut()?;
    if take_one(&mut refusal.after) {
        return None;
    }
    let due = refusal.times.as_mut().is_none_or(take_one);
    due.then(|| refusal.clone())
}

/// Takes one of a number of lost answers, where one is left.
pub(crate) fn take_one(count: &mut u32) -> bool {
    let due = *count > 0;
    *count = count.saturating_sub(1);
    due
}
