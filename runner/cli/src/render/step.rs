//! Steps at third parties.

use anstyle::{AnsiColor, Style};
use domain::{StepState, Timestamp};
use engine::StepReport;

use super::change::setter;
use crate::text::{clip, plain, relative};

const GOOD: Style = AnsiColor::Green.on_default();
const ODD: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// Writes each step in a line, with what it waits for.
pub(crate) fn steps(steps: &[StepReport], environment: &str, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for step in steps {
        lines.push(line(step, now));
        if step.state.is_open() {
            let commands = step
                .awaiting
                .iter()
                .map(|missing| setter(missing, environment));
            lines.extend(commands.map(|command| format!("    {command}")));
        }
        if step.state == StepState::Failed {
            let id = step.registration;
            lines.push(format!(
                "    tidegate subscriptions retry {id} --env {environment}"
            ));
        }
    }
    lines
}

fn line(step: &StepReport, now: Timestamp) -> String {
    let style = match step.state {
        StepState::Done => GOOD,
        StepState::Pending | StepState::Running | StepState::Retrying | StepState::Unknown => ODD,
        StepState::Failed => BAD,
        StepState::Superseded | StepState::Forgotten => Style::new(),
    };
    let state = format!("{:<10}", step.state.as_str());
    let mut text = format!(
        "  {style}{state}{style:#} {} {}",
        step.action,
        plain(&step.webhook)
    );
    if let Some(user) = &step.user {
        text.push_str(&format!(" for user {}", plain(&user.0)));
    }
    let mut remarks = Vec::new();
    if step.state.is_open() {
        if step.attempts > 0 {
            remarks.push(format!("attempt {}", step.attempts));
        }
        if let Some(next) = step.next_attempt_at {
            remarks.push(format!("next {}", relative(next, now)));
        }
        if !step.waits_for.is_empty() {
            let ids: Vec<String> = step.waits_for.iter().map(ToString::to_string).collect();
            remarks.push(format!("waits for step {}", ids.join(", ")));
        }
        if !step.awaiting.is_empty() {
            remarks.push(format!("waits for {}", plain(&step.awaiting.join(", "))));
        }
        if let Some(error) = &step.last_error {
            remarks.push(clip(error, 200));
        }
    }
    if !remarks.is_empty() {
        text.push_str(": ");
        text.push_str(&remarks.join("; "));
    }
    text
}
