//! What the loop tells people, and programs that read its lines.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use domain::{EnvironmentName, ProjectName};
use engine::{DeployReport, DeploySummary, Owner};
use serde_json::json;
use watch::Changes;

use super::looping::Timing;
use crate::context::Context;
use crate::document::document;
use crate::error::CliError;
use crate::text::{duration, plain};

const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();

/// How many changed files are named.
const NAMED: usize = 3;

/// Tells what happens in the loop.
pub(super) struct Tell<'a> {
    context: &'a Context,
    owner: Arc<Owner>,
    environment: EnvironmentName,
}

impl<'a> Tell<'a> {
    pub(super) fn new(
        context: &'a Context,
        owner: Arc<Owner>,
        environment: EnvironmentName,
    ) -> Self {
        Self {
            context,
            owner,
            environment,
        }
    }

    /// Tells where the project is served.
    pub(super) fn addresses(&self, project: &ProjectName, page: &str, hooks: Option<SocketAddr>) {
        let shell = &self.context.shell;
        let hooks = hooks.map(|address| format!("http://{address}"));
        shell.document(&document(
            "serving",
            &json!({ "project": project, "environment": self.environment, "url": page, "webhooks_url": hooks }),
        ));
        shell.note(format_args!("page and API  {page}"));
        if let Some(hooks) = hooks {
            shell.note(format_args!("webhooks      {hooks}"));
        }
        shell.note(format_args!(
            "{DIM}every save of {project} is deployed to {}; Ctrl-C ends it{DIM:#}",
            self.environment
        ));
    }

    /// Tells that files have changed.
    pub(super) fn changed(&self, changes: &Changes) {
        let shell = &self.context.shell;
        let paths: Vec<String> = changes
            .paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let total = paths.len() + changes.more;
        shell.document(&document(
            "changed",
            &json!({ "paths": paths, "total": total }),
        ));
        let mut named = paths
            .iter()
            .take(NAMED)
            .map(|path| plain(path).into_owned())
            .collect::<Vec<_>>()
            .join(", ");
        if total > NAMED {
            named = format!("{named} and {} more", total - NAMED);
        }
        if named.is_empty() {
            named = "something".to_owned();
        }
        shell.note(format_args!("{DIM}changed: {named}{DIM:#}"));
    }

    /// Tells that the build writes among its own source.
    pub(super) fn output(&self, changes: &Changes) {
        let paths: Vec<String> = changes
            .paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let shell = &self.context.shell;
        shell.warn(format_args!(
            "the build writes {}, which is watched; a change of it during a build counts only if its content is new",
            plain(&paths.join(", "))
        ));
        shell.hint("let git ignore what the build writes, with a line in .gitignore");
    }

    /// Tells that the project's folder is not where it was.
    pub(super) fn gone(&self, root: &Path) {
        let shell = &self.context.shell;
        shell.document(&document("project_gone", &json!({ "path": root })));
        shell.warn(format_args!(
            "{} is gone; what is live stays live, and the loop goes on when it is back",
            root.display()
        ));
    }

    /// Tells that new limits need a new start.
    pub(super) fn limits_changed(&self) {
        self.context
            .shell
            .warn("the limits in tidegate.toml hold from the next start of `tidegate dev` on");
    }

    /// Tells how a deploy ended that changed something.
    pub(super) fn deployed(&self, report: &DeployReport, timing: Timing) {
        let shell = &self.context.shell;
        let _ = super::conclude(self.context, report);
        let (total, build) = (ms(timing.since.elapsed()), ms(timing.build));
        shell.document(&document(
            "live",
            &json!({ "deploy": report.deploy, "since_change_ms": total, "build_ms": build }),
        ));
        shell.note(format_args!(
            "{GOOD}deploy {} is live{GOOD:#} {DIM}{} after the change, {} of it the build{DIM:#}",
            report.deploy,
            duration(total),
            duration(build),
        ));
    }

    /// Tells that nothing changed.
    pub(super) async fn unchanged(&self, project: &ProjectName, timing: Timing) {
        let shell = &self.context.shell;
        let live = self.live(project).await.map(|live| live.deploy);
        let (total, build) = (ms(timing.since.elapsed()), ms(timing.build));
        shell.document(&document(
            "unchanged",
            &json!({ "deploy": live, "since_change_ms": total, "build_ms": build }),
        ));
        let which = live.map_or_else(String::new, |deploy| format!(": deploy {deploy} is live"));
        shell.note(format_args!(
            "unchanged{which} {DIM}{} after the change, {} of it the build{DIM:#}",
            duration(total),
            duration(build),
        ));
    }

    /// Tells that a deploy failed, and what is live all the same.
    pub(super) async fn failed(&self, project: &ProjectName, error: CliError) {
        let shell = &self.context.shell;
        shell.error(&error);
        match self.live(project).await {
            Some(live) => shell.note(format_args!("deploy {} stays live", live.deploy)),
            None => shell.note("nothing is live yet; it is tried again at the next change"),
        }
    }

    /// Keeps a line at the bottom of the terminal that says how things stand.
    pub(super) async fn keep_status(&self, project: &ProjectName, page: &str) {
        let live = match self.live(project).await {
            Some(live) => format!("deploy {} {}", live.deploy, live.status),
            None => "nothing live".to_owned(),
        };
        let line = format!(
            "{project} in {} · {live} · {page} · h for help",
            self.environment
        );
        self.context.shell.keep(Some(line));
    }

    /// Tells which keys there are.
    pub(super) fn help(&self) {
        for (key, what) in [
            ("d", "deploy again"),
            ("r", "run an action"),
            ("o", "open the page in a browser"),
            ("l", "show more of the log, or less"),
            ("c", "clear the terminal"),
            ("h", "this help"),
            ("q", "quit, as Ctrl-C does"),
        ] {
            self.context.shell.note(format_args!("  {key}  {what}"));
        }
    }

    /// Tells how much of the log is shown from now on.
    pub(super) fn verbose(&self, everything: bool) {
        self.context.shell.note(if everything {
            "every line of the log is shown"
        } else {
            "only what may be wrong is shown of the log"
        });
    }

    /// Opens the page in a browser.
    pub(super) fn open(&self, page: &str) {
        match open::that_detached(page) {
            Ok(()) => self.context.shell.note(format_args!("opened {page}")),
            Err(_) => self
                .context
                .shell
                .note(format_args!("no browser could be started; open {page}")),
        }
    }

    async fn live(&self, project: &ProjectName) -> Option<DeploySummary> {
        let status = self.owner.status(project, Some(&self.environment)).await;
        status.ok()?.into_iter().next()?.live
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
