//! The small parts that pages are made of: times, states, digests, commands, long texts.
//!
//! Each is safe as it is written, so that templates write it without another escape.

use askama::Template;
use askama::filters::Safe;
use domain::{
    ArtifactDigest, ChangeAction, DeployStatus, LogLevel, RegistrationState, RunStatus, Severity,
    StageStatus, StepState, Timestamp,
};

use super::text;

/// How a state is to be taken; each has a shape of its own besides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it should be.
    Good,
    /// Under way.
    Busy,
    /// Owed, and coming.
    Waiting,
    /// Something that a person should know.
    Wary,
    /// Wrong.
    Bad,
    /// Neither here nor there.
    Idle,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Waiting => "waiting",
            Self::Wary => "wary",
            Self::Bad => "bad",
            Self::Idle => "idle",
        }
    }
}

/// A state, by shape and word.
#[derive(Template)]
#[template(
    source = r#"<span class="state {{ tone.class() }}">{{ word }}</span>"#,
    ext = "html"
)]
pub(super) struct State {
    tone: Tone,
    word: String,
}

/// Shows a state that has no type of its own.
pub(super) fn state(tone: Tone, word: impl Into<String>) -> Safe<State> {
    Safe(State {
        tone,
        word: word.into(),
    })
}

pub(super) fn deploy_state(status: &DeployStatus) -> Safe<State> {
    let tone = match *status {
        DeployStatus::Running => Tone::Busy,
        DeployStatus::Succeeded => Tone::Good,
        DeployStatus::Incomplete => Tone::Wary,
        DeployStatus::Failed | DeployStatus::RolledBack => Tone::Bad,
        DeployStatus::Interrupted => Tone::Wary,
    };
    state(tone, status.as_str())
}

pub(super) fn stage_state(status: &StageStatus) -> Safe<State> {
    let tone = match *status {
        StageStatus::Done => Tone::Good,
        StageStatus::Incomplete => Tone::Wary,
        StageStatus::Failed => Tone::Bad,
    };
    state(tone, status.as_str())
}

pub(super) fn step_state(step: &StepState) -> Safe<State> {
    let tone = match *step {
        StepState::Pending | StepState::Retrying => Tone::Waiting,
        StepState::Running => Tone::Busy,
        StepState::Unknown => Tone::Wary,
        StepState::Done => Tone::Good,
        StepState::Failed => Tone::Bad,
        StepState::Superseded | StepState::Forgotten => Tone::Idle,
    };
    state(tone, step.as_str())
}

pub(super) fn registration_state(registration: &RegistrationState) -> Safe<State> {
    let tone = match *registration {
        RegistrationState::Wanted | RegistrationState::Leaving => Tone::Waiting,
        RegistrationState::Live => Tone::Good,
        RegistrationState::Uncertain => Tone::Wary,
        RegistrationState::Gone | RegistrationState::Forgotten => Tone::Idle,
    };
    state(tone, registration.as_str())
}

pub(super) fn run_state(status: &RunStatus) -> Safe<State> {
    state(run_tone(*status), status.as_str())
}

const fn run_tone(status: RunStatus) -> Tone {
    match status {
        RunStatus::Queued | RunStatus::Retrying => Tone::Waiting,
        RunStatus::Running => Tone::Busy,
        RunStatus::Succeeded => Tone::Good,
        RunStatus::Failed | RunStatus::Dead => Tone::Bad,
        RunStatus::Cancelled => Tone::Idle,
        RunStatus::Interrupted => Tone::Wary,
    }
}

pub(super) fn severity(severity: &Severity) -> Safe<State> {
    let tone = match *severity {
        Severity::Info => Tone::Idle,
        Severity::Warning => Tone::Wary,
        Severity::Error => Tone::Bad,
    };
    state(tone, severity.as_str())
}

/// Shows whether an object, which is `live` or `disabled`, is live.
pub(super) fn object_state(word: &str) -> Safe<State> {
    let tone = if word == "live" {
        Tone::Good
    } else {
        Tone::Idle
    };
    state(tone, word)
}

/// What happens to an object, by sign and word.
#[derive(Template)]
#[template(
    source = r#"<span class="change {{ action }}"><span aria-hidden="true">{{ sign }}</span> {{ action }}</span>"#,
    ext = "html"
)]
pub(super) struct ChangeMark {
    action: &'static str,
    sign: &'static str,
}

pub(super) fn change_mark(action: &ChangeAction) -> Safe<ChangeMark> {
    let sign = match *action {
        ChangeAction::Add => "+",
        ChangeAction::Modify => "~",
        ChangeAction::ReEnable => "↺",
        ChangeAction::Disable => "−",
    };
    Safe(ChangeMark {
        action: action.as_str(),
        sign,
    })
}

/// The level of a log line.
pub(super) const fn level_class(level: &LogLevel) -> &'static str {
    match *level {
        LogLevel::Trace | LogLevel::Debug => "fine",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

/// Writes how long something took.
pub(super) fn took(milliseconds: &u64) -> String {
    text::duration(*milliseconds)
}

/// Writes a size.
pub(super) fn size(bytes: &u64) -> String {
    text::bytes(*bytes)
}

/// Writes a number of attempts.
pub(super) fn attempts(number: &u32) -> String {
    text::count(
        usize::try_from(*number).unwrap_or(usize::MAX),
        "attempt",
        "attempts",
    )
}

/// Writes an instant in UTC.
pub(super) fn exact(at: &Timestamp) -> String {
    text::moment(*at)
}

/// Writes the time of day of an instant.
pub(super) fn clock(at: &Timestamp) -> String {
    text::time_of_day(*at)
}

/// An instant: relative, with the absolute one at hand.
#[derive(Template)]
#[template(
    source = r#"<time datetime="{{ at }}" title="{{ absolute }}" data-relative>{{ relative }}</time>"#,
    ext = "html"
)]
pub(super) struct When {
    at: Timestamp,
    absolute: String,
    relative: String,
}

pub(super) fn when(at: Timestamp, now: Timestamp) -> Safe<When> {
    Safe(When {
        at,
        absolute: text::moment(at),
        relative: text::relative(at, now),
    })
}

/// An artifact's name, short, with the whole of it at hand.
#[derive(Template)]
#[template(
    source = r#"<code class="digest" title="{{ digest }}">{{ digest.short() }}</code>"#,
    ext = "html"
)]
pub(super) struct Digest {
    digest: ArtifactDigest,
}

pub(super) fn digest(digest: ArtifactDigest) -> Safe<Digest> {
    Safe(Digest { digest })
}

/// A command line, which the script lets people copy.
#[derive(Template)]
#[template(
    source = r#"<span class="command"><code>{{ line }}</code><button type="button" class="copy" data-copy="{{ line }}" aria-label="Copy the command">Copy</button></span>"#,
    ext = "html"
)]
pub(super) struct Command {
    line: String,
}

pub(super) fn command(line: impl Into<String>) -> Safe<Command> {
    Safe(Command { line: line.into() })
}

/// A text of any length: a long one shows its beginning, and all of it when opened.
#[derive(Template)]
#[template(
    source = r#"{% match beginning %}{% when Some(start) %}<details class="long"><summary><span class="beginning">{{ start }}…</span> <span class="quiet">{{ size }}</span></summary><pre tabindex="0" role="region" aria-label="All of it">{{ text }}</pre></details>{% when None %}<span class="short">{{ text }}</span>{% endmatch %}"#,
    ext = "html"
)]
pub(super) struct Long {
    beginning: Option<String>,
    size: String,
    text: String,
}

/// Shows a text, and of one with more than `most` characters or with line breaks the beginning.
pub(super) fn long(text: impl Into<String>, most: usize) -> Safe<Long> {
    let text = text.into();
    let first = text.lines().next().unwrap_or_default();
    let cut = text.contains('\n') || first.chars().nth(most).is_some();
    Safe(Long {
        beginning: cut.then(|| first.chars().take(most).collect()),
        size: text::bytes(u64::try_from(text.len()).unwrap_or(u64::MAX)),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::{Tone, command, long, state};

    #[test]
    fn a_state_has_its_word_and_a_class_that_gives_its_shape() {
        assert_eq!(
            state(Tone::Wary, "<incomplete>").to_string(),
            r#"<span class="state wary">&#60;incomplete&#62;</span>"#
        );
    }

    #[test]
    fn a_short_text_is_shown_and_a_long_one_can_be_opened() {
        assert_eq!(
            long("abc", 3).to_string(),
            r#"<span class="short">abc</span>"#
        );
        let cut = long("abcd", 3).to_string();
        assert!(cut.contains("abc…") && cut.contains(">abcd</pre>"), "{cut}");
        let lines = long("a\nb", 80).to_string();
        assert!(
            lines.contains("a…") && lines.contains("a\nb</pre>"),
            "{lines}"
        );
    }

    #[test]
    fn a_command_can_be_copied_whatever_is_in_it() {
        let html = command("tidegate run x --input '\"<'").to_string();
        assert!(
            html.contains("data-copy=\"tidegate run x --input &#39;&#34;&#60;&#39;\""),
            "{html}"
        );
    }
}
