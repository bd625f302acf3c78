//! A deploy, and lists of deploys.

use anstyle::{AnsiColor, Style};
use domain::{DeployStatus, Timestamp};
use engine::{DeployReport, DeploySummary};

use super::Length;
use super::change::{capabilities, changes, messages, unconfigured};
use super::step::steps;
use crate::text::{Table, clip, moment, plain};

const BOLD: Style = Style::new().bold();

/// Writes how a deploy ended, what it changed, and what is owed.
pub(crate) fn deploy(report: &DeployReport, length: Length, now: Timestamp) -> String {
    let environment = &report.environment;
    let mut lines = vec![headline(report)];
    lines.extend(facts(report));
    let mut section = |title: &str, body: Vec<String>| {
        if !body.is_empty() {
            lines.push(format!("{BOLD}{title}{BOLD:#}"));
            lines.extend(body);
        }
    };
    section("objects", changes(&report.changes, length));
    section(
        "subscriptions",
        steps(&report.subscription_steps, environment, now),
    );
    section(
        "not subscribed yet",
        unconfigured(&report.unconfigured, environment),
    );
    section("newly allowed", capabilities(&report.capabilities, length));
    // Unconfigured webhooks stand above already, with the commands that help.
    let mut told = report.messages.clone();
    told.retain(|message| message.code != "webhook-unconfigured");
    section("to know", messages(&told));
    lines.extend(endings(report));
    lines.join("\n")
}

fn headline(report: &DeployReport) -> String {
    let style = style(report.status);
    let (number, project, environment) = (report.deploy, &report.project, &report.environment);
    let status = report.status;
    format!("{BOLD}deploy {number}{BOLD:#} of {project} to {environment}: {style}{status}{style:#}")
}

fn facts(report: &DeployReport) -> Vec<String> {
    let mut facts = Vec::new();
    let artifact = report.artifact.map(|artifact| artifact.short());
    if let Some(artifact) = &artifact {
        facts.push(format!("artifact {artifact}"));
    }
    // Where nobody gave a version it is the artifact's name.
    if let Some(version) = report
        .version
        .as_ref()
        .filter(|it| Some(*it) != artifact.as_ref())
    {
        facts.push(format!("version {}", plain(version)));
    }
    if let Some(description) = &report.description {
        facts.push(clip(description, 120));
    }
    match facts.is_empty() {
        true => Vec::new(),
        false => vec![format!("  {}", facts.join(", "))],
    }
}

fn endings(report: &DeployReport) -> Vec<String> {
    let mut lines = Vec::new();
    let nothing = report.changes.is_empty() && report.subscription_steps.is_empty();
    if nothing && report.status == DeployStatus::Succeeded {
        lines.push("  nothing changed: what was live already is what was deployed".to_owned());
    }
    if let Some(number) = report.superseded_by {
        lines.push(format!("  deploy {number} took over its open steps"));
    }
    if let Some(person) = &report.forgotten_by {
        lines.push(format!("  {} dropped one of its steps", plain(person)));
    }
    if let Some(number) = report.rollback_of {
        lines.push(format!("  it belongs to deploy {number}: {}", report.cause));
    }
    if let Some(error) = &report.error {
        lines.push(format!(
            "  {}: {}",
            error.code,
            crate::text::paragraph(&error.message)
        ));
    }
    lines
}

fn style(status: DeployStatus) -> Style {
    match status {
        DeployStatus::Succeeded => AnsiColor::Green.on_default(),
        DeployStatus::Running | DeployStatus::Incomplete => AnsiColor::Yellow.on_default(),
        DeployStatus::Failed | DeployStatus::RolledBack | DeployStatus::Interrupted => {
            AnsiColor::Red.on_default()
        }
    }
}

/// Writes a list of deploys.
pub(crate) fn deploys(deploys: &[DeploySummary]) -> String {
    let mut table = Table::new([
        "DEPLOY", "STATUS", "CAUSE", "ARTIFACT", "VERSION", "BEGAN", "BY",
    ]);
    for deploy in deploys {
        table.row(row(deploy));
    }
    table.render("there are no deploys yet")
}

/// Returns the cells of one deploy in a list.
fn row(deploy: &DeploySummary) -> [String; 7] {
    let live = if deploy.live { ", live" } else { "" };
    let artifact = deploy.artifact.map(|artifact| artifact.short());
    [
        deploy.deploy.to_string(),
        format!("{}{live}", deploy.status),
        deploy.cause.to_string(),
        artifact.unwrap_or_else(|| "-".to_owned()),
        deploy
            .version
            .as_deref()
            .map_or_else(|| "-".to_owned(), |version| clip(version, 24)),
        moment(deploy.started_at),
        clip(&deploy.actor, 40),
    ]
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use domain::{
        ArtifactDigest, Change, ChangeAction, DeployCause, DeployNumber, DeployStatus, FieldChange,
        ObjectKey, ObjectKind, RegistrationId, StepId, StepKind, StepState, Timestamp,
        Unconfigured,
    };
    use engine::{DeployReport, DeploySummary, StepReport};
    use serde_json::json;
    use std::time::Duration;

    use super::{Length, deploy, deploys};

    fn now() -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }

    fn key(kind: ObjectKind, name: &str) -> ObjectKey {
        ObjectKey {
            kind,
            name: name.parse().unwrap(),
        }
    }

    fn change(action: ChangeAction, key: ObjectKey, fields: Vec<FieldChange>) -> Change {
        Change {
            action,
            key,
            fields,
        }
    }

    fn report() -> DeployReport {
        DeployReport {
            deploy: DeployNumber(3),
            project: "shop".to_owned(),
            environment: "production".to_owned(),
            status: DeployStatus::Incomplete,
            cause: DeployCause::Deploy,
            artifact: Some(ArtifactDigest::of(b"abc")),
            deploy_list_hash: None,
            version: Some("1.2.0".to_owned()),
            description: None,
            actor: "ada@example".to_owned(),
            started_at: now(),
            finished_at: None,
            stages: Vec::new(),
            changes: Vec::new(),
            subscription_steps: Vec::new(),
            capabilities: Vec::new(),
            messages: Vec::new(),
            unconfigured: Vec::new(),
            superseded_by: None,
            forgotten_by: None,
            rollback_of: None,
            error: None,
        }
    }

    fn shown(report: &DeployReport, length: Length) -> String {
        strip_str(&deploy(report, length, now())).to_string()
    }

    #[test]
    fn a_deploy_tells_changes_what_is_owed_and_the_commands_that_help() {
        let field = FieldChange {
            field: "timeout_ms".to_owned(),
            before: None,
            after: Some(json!(5000)),
        };
        let report = DeployReport {
            changes: vec![
                change(
                    ChangeAction::Add,
                    key(ObjectKind::Action, "greet"),
                    Vec::new(),
                ),
                change(
                    ChangeAction::Modify,
                    key(ObjectKind::Action, "refund"),
                    vec![field],
                ),
                change(
                    ChangeAction::ReEnable,
                    key(ObjectKind::Webhook, "orders"),
                    Vec::new(),
                ),
                change(
                    ChangeAction::Disable,
                    key(ObjectKind::Workflow, "old"),
                    Vec::new(),
                ),
            ],
            subscription_steps: vec![
                StepReport {
                    step: StepId(1),
                    action: StepKind::Unsubscribe,
                    webhook: "stock".to_owned(),
                    user: None,
                    registration: RegistrationId(4),
                    state: StepState::Retrying,
                    attempts: 2,
                    next_attempt_at: Some(now().after(Duration::from_secs(4))),
                    last_error: Some("503 from\nshop.example".to_owned()),
                    waits_for: Vec::new(),
                    awaiting: Vec::new(),
                },
                StepReport {
                    step: StepId(2),
                    action: StepKind::Subscribe,
                    webhook: "orders".to_owned(),
                    user: None,
                    registration: RegistrationId(5),
                    state: StepState::Failed,
                    attempts: 1,
                    next_attempt_at: None,
                    last_error: Some("no such shop".to_owned()),
                    waits_for: Vec::new(),
                    awaiting: Vec::new(),
                },
            ],
            unconfigured: vec![Unconfigured {
                webhook: "returns".parse().unwrap(),
                user: None,
                missing: vec!["secret SHOP_TOKEN".to_owned()],
            }],
            ..report()
        };
        insta::assert_snapshot!(shown(&report, Length::Screen), @r"
        deploy 3 of shop to production: incomplete
          artifact ba7816bf8f01, version 1.2.0
        objects
          + action greet
          ~ action refund: timeout_ms
          + webhook orders, re-enabled
          - workflow old
        subscriptions
          retrying   unsubscribe stock: attempt 2; next in 4 s; 503 from\nshop.example
          failed     subscribe orders: attempt 1; no such shop
            tidegate subscriptions retry 5 --env production
        not subscribed yet
          webhook returns waits for: secret SHOP_TOKEN
            tidegate secrets set SHOP_TOKEN --env production
        ");
    }

    #[test]
    fn the_full_length_shows_each_field_before_and_after() {
        let field = FieldChange {
            field: "title".to_owned(),
            before: Some(json!("a\u{1b}[2J")),
            after: None,
        };
        let refund = key(ObjectKind::Action, "refund");
        let report = DeployReport {
            status: DeployStatus::Succeeded,
            changes: vec![change(ChangeAction::Modify, refund, vec![field])],
            ..report()
        };
        insta::assert_snapshot!(shown(&report, Length::Full), @r#"
        deploy 3 of shop to production: succeeded
          artifact ba7816bf8f01, version 1.2.0
        objects
          ~ action refund: title
              title: "a\u001b[2J" → nothing
        "#);
    }

    #[test]
    fn ten_thousand_changes_do_not_fill_the_terminal() {
        let changes = (0..10_000)
            .map(|n| {
                change(
                    ChangeAction::Add,
                    key(ObjectKind::Action, &format!("a{n}")),
                    vec![],
                )
            })
            .collect();
        let text = shown(
            &DeployReport {
                changes,
                ..report()
            },
            Length::Screen,
        );
        assert!(text.lines().count() < 60);
        assert!(text.contains("… and 9960 more"), "{text}");
    }

    #[test]
    fn a_list_of_deploys_says_which_is_live() {
        let summary = DeploySummary {
            deploy: DeployNumber(3),
            status: DeployStatus::Succeeded,
            cause: DeployCause::Deploy,
            artifact: Some(ArtifactDigest::of(b"abc")),
            version: None,
            actor: "ada@example".to_owned(),
            started_at: now(),
            finished_at: Some(now()),
            live: true,
            superseded_by: None,
            error: None,
        };
        insta::assert_snapshot!(strip_str(&deploys(&[summary])), @"
        DEPLOY  STATUS           CAUSE   ARTIFACT      VERSION  BEGAN                 BY
        3       succeeded, live  deploy  ba7816bf8f01  -        2023-11-14T22:13:20Z  ada@example
        ");
        assert_eq!(deploys(&[]), "there are no deploys yet");
    }
}
