//! What there is to say of a place's runs, and the logs of single attempts.

use domain::{Place, RunId, RunStatus};

use crate::engine::Engine;
use crate::error::ReadError;
use crate::report::LogReport;
use crate::shape::fields;

impl Engine {
    /// Says what is wrong with the runs of a place, or waits for somebody.
    pub(crate) async fn run_notes(&self, place: Place) -> Result<Vec<String>, store::Error> {
        let mut notes = Vec::new();
        let waiting = self.count(place, RunStatus::Queued).await?
            + self.count(place, RunStatus::Retrying).await?;
        if waiting > 0 && self.dir.owner().is_none() {
            notes.push(format!(
                "{} and no process owns the data directory; any writing command runs what is due, and `tidegate dev` all of it in its time",
                runs(waiting, "waits", "wait")
            ));
        }
        let dead = self.count(place, RunStatus::Dead).await?;
        if dead > 0 {
            notes.push(format!(
                "{} given up after {} attempts; `tidegate runs replay RUN` tries one again",
                runs(dead, "was", "were"),
                domain::MAX_ATTEMPTS
            ));
        }
        Ok(notes)
    }

    async fn count(&self, place: Place, status: RunStatus) -> Result<u64, store::Error> {
        self.store.count_runs(place, status).await
    }

    /// Returns the log of one attempt of a run; empty while the attempt is under way.
    ///
    /// # Errors
    /// When there is no such run.
    pub async fn run_attempt_logs(
        &self,
        run: RunId,
        attempt: u32,
    ) -> Result<Vec<LogReport>, ReadError> {
        if self.store.run(run).await?.is_none() {
            return Err(ReadError::RunUnknown(run));
        }
        let lines = self.store.run_attempt_logs(run, attempt).await?;
        Ok((1..)
            .zip(lines.unwrap_or_default())
            .map(|(sequence, line)| LogReport {
                sequence,
                time: line.at,
                level: line.level,
                stage: None,
                object: None,
                message: line.message,
                fields: fields(line.fields),
            })
            .collect())
    }
}

fn runs(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 run {one}"),
        _ => format!("{count} runs {many}"),
    }
}
