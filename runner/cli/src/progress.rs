//! Shows what happens while it happens.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anstyle::{AnsiColor, Style};
use domain::{LogLevel, StageStatus, StepState};
use engine::{BuildOutput, Event, LogReport, Observer, StageReport, StepReport};
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::document::document;
use crate::shell::Shell;
use crate::text::{duration, plain};

const DIM: Style = Style::new().dimmed();
const BAD: Style = AnsiColor::Red.on_default();
const ODD: Style = AnsiColor::Yellow.on_default();

/// Shows events on standard error and, where asked to, as documents.
pub(crate) struct Progress {
    shell: Arc<Shell>,
    everything: AtomicBool,
    documents: bool,
}

impl Progress {
    /// Shows stages, and what may be wrong; every line of the log and every
    /// move of a step if the shell is verbose.
    pub(crate) fn new(shell: Arc<Shell>) -> Self {
        let everything = AtomicBool::new(shell.is_verbose());
        Self {
            shell,
            everything,
            documents: false,
        }
    }

    /// Prints each event as a document too, one a line, with `--format json`.
    #[must_use]
    pub(crate) fn streaming(mut self) -> Self {
        self.shell.stream();
        self.documents = true;
        self
    }

    /// Shows everything.
    #[must_use]
    pub(crate) fn in_full(self) -> Self {
        self.everything.store(true, Ordering::Relaxed);
        self
    }

    /// Shows everything where it did not, and the other way round; returns which it is now.
    pub(crate) fn toggle(&self) -> bool {
        !self.everything.fetch_xor(true, Ordering::Relaxed)
    }

    fn is_in_full(&self) -> bool {
        self.everything.load(Ordering::Relaxed)
    }

    fn show(&self, event: &Event) {
        let shell = &self.shell;
        match event {
            Event::Began {
                deploy,
                project,
                environment,
            } => {
                shell.note(format_args!(
                    "deploy {deploy} of {project} to {environment}"
                ));
            }
            Event::StageStarted(stage) => shell.spin(stage.as_str()),
            Event::StageFinished(stage) => {
                shell.still();
                shell.note(stage_line(stage));
            }
            Event::BuildLine(line) => shell.note(line),
            Event::Log(line) => {
                // What ends the deploy is told once, at its end.
                let is_the_end = line.level == LogLevel::Error && line.object.is_none();
                let matters = line.level >= LogLevel::Warn && !is_the_end;
                if self.is_in_full() || matters {
                    shell.note(log_line(line));
                }
            }
            Event::Step(step) => {
                if self.is_in_full() || is_over_or_late(step.state) {
                    shell.note(step_line(step));
                }
            }
            Event::Waiting(reason) => shell.note(format_args!("waiting: {}", plain(reason))),
        }
    }
}

impl Observer for Progress {
    fn event(&self, event: Event) {
        if self.documents {
            self.shell.document(&event_document(&event));
        }
        self.show(&event);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.shell.still();
    }
}

impl BuildOutput for Progress {
    fn line(&self, line: &str) {
        self.event(Event::BuildLine(line.to_owned()));
    }
}

/// Writes what the program does inside to standard error, if that was asked for.
pub(crate) fn trace(shell: &Arc<Shell>, verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => "info",
        _ => "debug",
    };
    let crates = ["engine", "store", "sandbox", "watch"];
    let directives = crates.map(|name| format!("{name}={level}")).join(",");
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(directives))
        .with_writer(Traces(Arc::clone(shell)))
        .with_ansi(false)
        .init();
}

/// Lets traces through the shell, so that they do not run into a spinner.
struct Traces(Arc<Shell>);

impl<'a> MakeWriter<'a> for Traces {
    type Writer = TraceLine;

    fn make_writer(&'a self) -> TraceLine {
        TraceLine(Arc::clone(&self.0))
    }
}

struct TraceLine(Arc<Shell>);

impl io::Write for TraceLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .note(plain(String::from_utf8_lossy(bytes).trim_end()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn event_document(event: &Event) -> Value {
    match event {
        Event::Began {
            deploy,
            project,
            environment,
        } => document(
            "deploy_began",
            &json!({ "deploy": deploy, "project": project, "environment": environment }),
        ),
        Event::StageStarted(stage) => document("stage_started", &json!({ "name": stage })),
        Event::StageFinished(stage) => document("stage_finished", stage),
        Event::BuildLine(line) => {
            let line = anstream::adapter::strip_str(line).to_string();
            document("build_line", &json!({ "line": line }))
        }
        Event::Log(line) => document("log", line),
        Event::Step(step) => document("step", step),
        Event::Waiting(reason) => document("waiting", &json!({ "reason": reason })),
    }
}

/// Writes a stage that is over, with its time.
pub(crate) fn stage_line(stage: &StageReport) -> String {
    let time = duration(stage.duration_ms);
    let name = stage.name.as_str();
    match stage.status {
        StageStatus::Done => format!("  {name:<8}{DIM}{time}{DIM:#}"),
        StageStatus::Incomplete => {
            format!("  {name:<8}{DIM}{time}{DIM:#}  {ODD}steps are not done{ODD:#}")
        }
        StageStatus::Failed => format!("  {name:<8}{DIM}{time}{DIM:#}  {BAD}failed{BAD:#}"),
    }
}

/// Writes a line of a log.
pub(crate) fn log_line(line: &LogReport) -> String {
    let style = match line.level {
        LogLevel::Error => BAD,
        LogLevel::Warn => ODD,
        LogLevel::Info => Style::new(),
        LogLevel::Trace | LogLevel::Debug => DIM,
    };
    let level = line.level.as_str();
    let mut text = format!("  {style}{level:<5}{style:#} ");
    if let Some(object) = &line.object {
        text.push_str(&format!("{}: ", plain(object)));
    }
    text.push_str(&plain(&line.message));
    if let Value::Object(fields) = &line.fields {
        for (name, value) in fields {
            let value = value.to_string();
            text.push_str(&format!(" {DIM}{}={}{DIM:#}", plain(name), plain(&value)));
        }
    }
    text
}

fn step_line(step: &StepReport) -> String {
    let mut text = format!("  {} {}: {}", step.action, plain(&step.webhook), step.state);
    if let Some(user) = &step.user {
        text = format!(
            "  {} {} for user {}: {}",
            step.action,
            plain(&step.webhook),
            plain(&user.0),
            step.state
        );
    }
    if let Some(error) = &step.last_error {
        text.push_str(&format!(": {}", plain(error)));
    }
    text
}

/// Says whether a step's state is worth a line to everybody.
fn is_over_or_late(state: StepState) -> bool {
    match state {
        StepState::Done
        | StepState::Retrying
        | StepState::Failed
        | StepState::Unknown
        | StepState::Superseded
        | StepState::Forgotten => true,
        StepState::Pending | StepState::Running => false,
    }
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use domain::{LogLevel, Stage, StageStatus, Timestamp};
    use engine::{Event, LogReport, StageReport};
    use serde_json::json;

    use super::{event_document, log_line, stage_line};

    fn line() -> LogReport {
        LogReport {
            sequence: 1,
            time: Timestamp::from_millis(1_700_000_000_000),
            level: LogLevel::Warn,
            stage: Some(Stage::Collect),
            object: Some("action greet".to_owned()),
            message: "odd\u{1b}[2J".to_owned(),
            fields: json!({"size": 7}),
        }
    }

    #[test]
    fn a_stage_is_told_with_its_time_and_whether_it_failed() {
        let stage = |status| StageReport {
            name: Stage::Collect,
            duration_ms: 1_234,
            status,
        };
        let text = |status| strip_str(&stage_line(&stage(status))).to_string();
        assert_eq!(text(StageStatus::Done), "  collect 1.2 s");
        assert_eq!(text(StageStatus::Failed), "  collect 1.2 s  failed");
    }

    #[test]
    fn a_guests_log_line_cannot_move_the_cursor() {
        let text = strip_str(&log_line(&line())).to_string();
        assert_eq!(text, "  warn  action greet: odd\\u{1b}[2J size=7");
    }

    #[test]
    fn an_event_is_one_document_with_kind_and_version() {
        insta::assert_snapshot!(event_document(&Event::Log(line())), @r#"{"fields":{"size":7},"kind":"log","level":"warn","message":"odd\u001b[2J","object":"action greet","sequence":1,"stage":"collect","time":"2023-11-14T22:13:20.000Z","version":1}"#);
        insta::assert_snapshot!(event_document(&Event::BuildLine("\u{1b}[1mok\u{1b}[0m".to_owned())), @r#"{"kind":"build_line","line":"ok","version":1}"#);
    }
}
