//! What is live, what is pending and what is wrong.

use anstyle::{AnsiColor, Style};
use domain::Timestamp;
use engine::StatusReport;

use super::change::unconfigured;
use super::step::steps;
use super::subscription::subscriptions;
use crate::text::{clip, plain, relative};

const BOLD: Style = Style::new().bold();
const ODD: Style = AnsiColor::Yellow.on_default();

/// Writes the state of each environment.
pub(crate) fn status(reports: &[StatusReport], now: Timestamp) -> String {
    if reports.is_empty() {
        return "nothing is live yet: `tidegate deploy` makes it so".to_owned();
    }
    let blocks: Vec<String> = reports
        .iter()
        .map(|report| environment(report, now))
        .collect();
    blocks.join("\n\n")
}

fn environment(report: &StatusReport, now: Timestamp) -> String {
    let (project, environment) = (&report.project, &report.environment);
    let mut lines = vec![format!(
        "{BOLD}{project}{BOLD:#} in {BOLD}{environment}{BOLD:#}"
    )];
    lines.push(format!("  live     {}", live(report, now)));
    lines.push(format!("  objects  {}", objects(report)));
    let mut section = |title: &str, body: Vec<String>| {
        if !body.is_empty() {
            lines.push(title.to_owned());
            lines.extend(body);
        }
    };
    section(
        "steps that are owed",
        steps(&report.steps, environment, now),
    );
    section(
        "not subscribed yet",
        unconfigured(&report.unconfigured, environment),
    );
    let doubtful = match report.doubtful.is_empty() {
        true => Vec::new(),
        false => subscriptions(&report.doubtful, now)
            .lines()
            .map(|line| format!("  {line}"))
            .collect(),
    };
    section(
        "in doubt: the provider may hold more than is known",
        doubtful,
    );
    let due = report
        .reconfigure_due
        .iter()
        .map(|due| format!("  {}", plain(due)));
    section("reconfigure deploys that are due", due.collect());
    let note = |note: &String| format!("  {ODD}note{ODD:#}: {}", plain(note));
    lines.extend(report.notes.iter().map(note));
    if let Some(owner) = &report.owner {
        lines.push(format!("  at work  {}", plain(owner)));
    }
    lines.join("\n")
}

fn live(report: &StatusReport, now: Timestamp) -> String {
    let Some(deploy) = &report.live else {
        return "nothing".to_owned();
    };
    let mut parts = vec![format!("deploy {}, {}", deploy.deploy, deploy.status)];
    if let Some(artifact) = deploy.artifact {
        parts.push(format!("artifact {}", artifact.short()));
    }
    let short = deploy.artifact.map(|artifact| artifact.short());
    if let Some(version) = deploy
        .version
        .as_ref()
        .filter(|it| Some(*it) != short.as_ref())
    {
        parts.push(format!("version {}", clip(version, 40)));
    }
    let when = relative(deploy.finished_at.unwrap_or(deploy.started_at), now);
    parts.push(format!("{when} by {}", clip(&deploy.actor, 40)));
    parts.join(", ")
}

fn objects(report: &StatusReport) -> String {
    let counts: Vec<String> = report
        .objects
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(kind, count)| {
            let plural = if *count == 1 { "" } else { "s" };
            format!("{count} {}{plural}", plain(&kind.replace('_', " ")))
        })
        .collect();
    if counts.is_empty() {
        "none".to_owned()
    } else {
        counts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use anstream::adapter::strip_str;
    use domain::{ArtifactDigest, DeployCause, DeployNumber, DeployStatus, Timestamp};
    use engine::{DeploySummary, StatusReport};

    use super::status;

    #[test]
    fn status_tells_what_is_live_and_what_to_know() {
        let began = Timestamp::from_millis(1_700_000_000_000);
        let now = Timestamp::from_millis(1_700_000_300_000);
        let report = StatusReport {
            project: "shop".to_owned(),
            environment: "production".to_owned(),
            live: Some(DeploySummary {
                deploy: DeployNumber(3),
                status: DeployStatus::Succeeded,
                cause: DeployCause::Deploy,
                artifact: Some(ArtifactDigest::of(b"abc")),
                version: Some("1.2.0".to_owned()),
                actor: "ada@example".to_owned(),
                started_at: began,
                finished_at: Some(began),
                live: true,
                superseded_by: None,
                error: None,
            }),
            objects: BTreeMap::from([("action".to_owned(), 2), ("app_event".to_owned(), 1)]),
            steps: Vec::new(),
            doubtful: Vec::new(),
            unconfigured: Vec::new(),
            reconfigure_due: Vec::new(),
            owner: None,
            notes: vec!["nothing is retrying".to_owned()],
        };
        insta::assert_snapshot!(strip_str(&status(&[report], now)), @"
        shop in production
          live     deploy 3, succeeded, artifact ba7816bf8f01, version 1.2.0, 5 min ago by ada@example
          objects  2 actions, 1 app event
          note: nothing is retrying
        ");
    }

    #[test]
    fn where_nothing_is_live_status_says_what_to_do() {
        let text = status(&[], Timestamp::from_millis(0));
        assert_eq!(text, "nothing is live yet: `tidegate deploy` makes it so");
    }
}
