//! Runs a command whose whole process group ends with it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use engine::BuildError;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::environment::Environment;

/// The longest line that is passed on as one, in bytes.
const MAX_LINE: u64 = 16 << 20;
/// How long output may still come from a process that left the group and
/// outlived the command.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A command, and what it needs to run.
#[derive(Debug)]
pub(crate) struct Invocation<'a> {
    /// The program and its arguments.
    pub(crate) words: Vec<OsString>,
    /// The command as people are told of it.
    pub(crate) shown: String,
    /// Where it runs.
    pub(crate) directory: PathBuf,
    /// The environment variables that it sees.
    pub(crate) environment: &'a Environment,
    /// How long it may take.
    pub(crate) timeout: Duration,
}

impl<'a> Invocation<'a> {
    /// Makes an invocation of words that need no quoting.
    pub(crate) fn of(
        words: &[&str],
        directory: PathBuf,
        environment: &'a Environment,
        timeout: Duration,
    ) -> Self {
        Self {
            words: words.iter().map(OsString::from).collect(),
            shown: words.join(" "),
            directory,
            environment,
            timeout,
        }
    }

    /// Runs the command to its end, passing on what it writes line by line.
    ///
    /// When the command ends, or the future is dropped, or the time is up,
    /// every process of its group is killed.
    pub(crate) async fn run(
        &self,
        on_stdout: impl FnMut(&str) + Send,
        on_stderr: impl FnMut(&str) + Send,
    ) -> Result<(), BuildError> {
        let (mut child, mut group) = self.start()?;
        let stdout = pump(child.stdout.take(), on_stdout);
        let stderr = pump(child.stderr.take(), on_stderr);
        let finished = tokio::time::timeout(self.timeout, async {
            let output = async {
                tokio::join!(stdout, stderr);
            };
            tokio::pin!(output);
            tokio::select! {
                () = &mut output => child.wait().await,
                status = child.wait() => {
                    group.kill();
                    // What was written before the end is read to the end.
                    let _ = tokio::time::timeout(LAST_WORDS, output).await;
                    status
                }
            }
        })
        .await;
        group.kill();
        match finished {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(BuildError::Failed {
                command: self.shown.clone(),
                status: in_words(status),
            }),
            Ok(Err(source)) => Err(self.not_started(source)),
            Err(_) => {
                // Killed by now; waiting takes it off the process table.
                let _ = child.wait().await;
                Err(BuildError::TimedOut {
                    command: self.shown.clone(),
                    seconds: self.timeout.as_secs(),
                })
            }
        }
    }

    fn start(&self) -> Result<(Child, Group), BuildError> {
        let (program, arguments) = self
            .words
            .split_first()
            .expect("an invocation has a program");
        let mut command = Command::new(program);
        self.environment.apply(&mut command);
        command
            .args(arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn().map_err(|source| self.not_started(source))?;
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Ok((child, Group { leader }))
    }

    fn not_started(&self, source: std::io::Error) -> BuildError {
        BuildError::Start {
            command: self.shown.clone(),
            directory: self.directory.clone(),
            source: std::sync::Arc::new(source),
        }
    }
}

/// The processes that a command started; killed when dropped.
#[derive(Debug)]
struct Group {
    leader: Option<Pid>,
}

impl Group {
    fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            // It fails only where nobody is left.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads lines until the stream ends or breaks.
async fn pump(stream: Option<impl AsyncRead + Unpin>, mut on_line: impl FnMut(&str)) {
    let Some(stream) = stream else { return };
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader)
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .await
        {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                on_line(text.trim_end_matches(['\n', '\r']));
            }
        }
    }
}

fn in_words(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None => status.to_string(),
    }
}
