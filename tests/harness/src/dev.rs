//! `tidegate dev` while it runs, followed by the lines that it prints.

use serde_json::Value;

use crate::condition::eventually;
use crate::invocation::{Invocation, Running};
use crate::outcome::Outcome;

/// A dev loop whose lines are JSON documents; dropping it kills the process.
#[derive(Debug)]
pub struct Dev {
    running: Running,
    /// How many lines have been looked at.
    seen: usize,
}

impl Dev {
    /// Starts `dev` on free ports and waits until it serves.
    ///
    /// # Panics
    /// When it ends, or does not come to serve.
    #[must_use = "dropping it kills the process"]
    pub fn start(invocation: Invocation) -> Self {
        Self {
            running: invocation.args(["--port", "0"]).start(),
            seen: 0,
        }
    }

    /// Waits for the next document that `wanted` takes, and passes over those before it.
    ///
    /// # Panics
    /// When none comes.
    pub fn next(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let (running, from) = (&mut self.running, self.seen);
        let (index, document) = eventually(what, || {
            let text = running.stdout_so_far();
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            let found = whole
                .lines()
                .enumerate()
                .skip(from)
                .find_map(|(index, line)| {
                    let document: Value =
                        serde_json::from_str(line).expect("each line is a document");
                    wanted(&document).then_some((index, document))
                });
            if found.is_none() && !running.is_running() {
                panic!("dev ended: {}\n{}", text, running.stderr_so_far());
            }
            found
        });
        self.seen = index + 1;
        document
    }

    /// Waits for the next document of a kind.
    ///
    /// # Panics
    /// When none comes.
    pub fn next_of(&mut self, kind: &str) -> Value {
        self.next(kind, |document| document["kind"] == kind)
    }

    /// Waits until a change is live, was found to change nothing, or failed.
    ///
    /// # Panics
    /// When none of it comes.
    pub fn settled(&mut self) -> Value {
        const ENDS: [&str; 3] = ["live", "unchanged", "error"];
        self.next("the end of a deploy", |document| {
            ENDS.iter().any(|kind| document["kind"] == *kind)
        })
    }

    /// Returns every document so far.
    ///
    /// # Panics
    /// When a line is none.
    #[must_use]
    pub fn documents(&self) -> Vec<Value> {
        let text = self.running.stdout_so_far();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is a document"))
            .collect()
    }

    /// Returns the process.
    pub fn running(&mut self) -> &mut Running {
        &mut self.running
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// When it hangs.
    pub fn ends(self) -> Outcome {
        self.running.wait()
    }

    /// Interrupts it as Ctrl-C does and waits for its end.
    ///
    /// # Panics
    /// When it hangs.
    pub fn interrupt(self) -> Outcome {
        self.running.interrupt();
        self.running.wait()
    }
}
