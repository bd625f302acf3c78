//! A plan.

use anstyle::Style;
use engine::{PlanReport, PlannedStepReport};

use super::Length;
use super::change::{capabilities, changes, messages};
use crate::text::plain;

const BOLD: Style = Style::new().bold();

/// Writes what a deploy would do.
pub(crate) fn plan(report: &PlanReport, length: Length) -> String {
    let (project, environment) = (&report.project, &report.environment);
    let artifact = report.artifact.short();
    let mut lines = vec![format!(
        "{BOLD}plan{BOLD:#} of {project} to {environment}, artifact {artifact}"
    )];
    let mut section = |title: &str, body: Vec<String>| {
        if !body.is_empty() {
            lines.push(format!("{BOLD}{title}{BOLD:#}"));
            lines.extend(body);
        }
    };
    section("objects", changes(&report.changes, length));
    section(
        "subscriptions",
        report.subscription_steps.iter().map(step).collect(),
    );
    section("newly allowed", capabilities(&report.capabilities, length));
    section("to know", messages(&report.messages));
    if !report.has_changes() {
        lines.push("  nothing would change".to_owned());
    }
    lines.join("\n")
}

fn step(step: &PlannedStepReport) -> String {
    let user = match &step.user {
        Some(user) => format!(" for user {}", plain(&user.0)),
        None => String::new(),
    };
    let (webhook, reason) = (plain(&step.webhook), plain(&step.reason));
    format!("  {}. {} {webhook}{user}: {reason}", step.wave, step.action)
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use domain::{
        ArtifactDigest, Capability, DeployListHash, Fingerprint, Message, ObjectKey, ObjectKind,
        Severity, StepKind,
    };
    use engine::{PlanReport, PlannedStepReport};

    use super::{Length, plan};

    fn report() -> PlanReport {
        PlanReport {
            project: "shop".to_owned(),
            environment: "staging".to_owned(),
            artifact: ArtifactDigest::of(b"abc"),
            deploy_list_hash: DeployListHash::of(b"list"),
            changes: Vec::new(),
            subscription_steps: Vec::new(),
            capabilities: Vec::new(),
            messages: Vec::new(),
            fingerprint: Fingerprint::of(b"inputs"),
        }
    }

    #[test]
    fn a_plan_without_changes_says_so() {
        let text = strip_str(&plan(&report(), Length::Screen)).to_string();
        insta::assert_snapshot!(text, @"
        plan of shop to staging, artifact ba7816bf8f01
          nothing would change
        ");
    }

    #[test]
    fn a_plan_tells_steps_permissions_and_messages() {
        let report = PlanReport {
            subscription_steps: vec![PlannedStepReport {
                action: StepKind::Subscribe,
                webhook: "orders".to_owned(),
                user: None,
                registration: None,
                wave: 3,
                reason: "the webhook is new".to_owned(),
            }],
            capabilities: vec![Capability {
                capability: "host".to_owned(),
                value: "api.shop.example".to_owned(),
                key: ObjectKey {
                    kind: ObjectKind::Webhook,
                    name: "orders".parse().unwrap(),
                },
            }],
            messages: vec![Message {
                code: "signature-none".to_owned(),
                severity: Severity::Warning,
                subject: "webhook orders".to_owned(),
                text: "deliveries are not signed".to_owned(),
            }],
            ..report()
        };
        let text = strip_str(&plan(&report, Length::Screen)).to_string();
        insta::assert_snapshot!(text, @"
        plan of shop to staging, artifact ba7816bf8f01
        subscriptions
          3. subscribe orders: the webhook is new
        newly allowed
          host api.shop.example for webhook orders
        to know
          warning: webhook orders: deliveries are not signed
        ");
    }
}
