//! A run, and lists of runs.

use anstyle::{AnsiColor, Style};
use domain::RunStatus;
use engine::{RequestReport, RunReport};

use crate::text::{Table, bytes, clip, duration, moment, paragraph, plain};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const ODD: Style = AnsiColor::Yellow.on_default();

/// Writes what is to be known of a run beside its output.
pub(crate) fn run_facts(run: &RunReport) -> String {
    let style = match run.status {
        RunStatus::Succeeded => GOOD,
        RunStatus::Queued | RunStatus::Running | RunStatus::Retrying => ODD,
        RunStatus::Failed | RunStatus::Dead | RunStatus::Cancelled | RunStatus::Interrupted => BAD,
    };
    let (id, object, status) = (run.run, plain(&run.object), run.status);
    let mut lines = vec![format!(
        "run {id} of {object} in {}: {style}{status}{style:#} after {} ({} CPU, {} memory, artifact {})",
        run.environment,
        duration(run.duration_ms),
        duration(run.cpu_ms),
        bytes(run.peak_memory_bytes),
        run.artifact.map_or_else(
            || "none yet".to_owned(),
            |artifact| artifact.short().to_string()
        ),
    )];
    if let Some(earlier) = run.replay_of {
        lines.push(format!("  a replay of run {earlier}"));
    }
    lines.extend(run.requests.iter().map(request));
    lines.join("\n")
}

fn request(request: &RequestReport) -> String {
    let (method, host) = (plain(&request.method), plain(&request.host));
    let answer = match (&request.status, &request.error) {
        (Some(status), None) => status.to_string(),
        (Some(status), Some(error)) => format!("{status}, {}", clip(error, 200)),
        (None, Some(error)) => clip(error, 200),
        (None, None) => "no answer".to_owned(),
    };
    format!(
        "  {method} {host}: {answer} after {}",
        duration(request.duration_ms)
    )
}

/// Writes why a run failed and where in the guest.
pub(crate) fn run_failure(run: &RunReport) -> Option<String> {
    let error = run.error.as_ref()?;
    Some(paragraph(&error.message).into_owned())
}

/// Writes a list of runs.
pub(crate) fn runs(runs: &[RunReport]) -> String {
    let mut table = Table::new([
        "RUN", "OBJECT", "STATUS", "TRIGGER", "BEGAN", "TOOK", "ERROR",
    ]);
    for run in runs {
        let error = run.error.as_ref().map(|error| clip(&error.message, 60));
        table.row([
            run.run.to_string(),
            plain(&run.object).into_owned(),
            run.status.to_string(),
            clip(&run.trigger, 30),
            moment(run.started_at.unwrap_or(run.queued_at)),
            duration(run.duration_ms),
            error.unwrap_or_default(),
        ]);
    }
    table.render("there are no runs yet")
}
