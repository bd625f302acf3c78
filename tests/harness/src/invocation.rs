//! One run of the program, from its command line to its end.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::capture::Capture;
use crate::condition::eventually;
use crate::outcome::Outcome;
use crate::programs;

/// A command line that has not been run yet.
#[derive(Debug)]
#[must_use = "it does nothing until it is finished or started"]
pub struct Invocation {
    arguments: Vec<OsString>,
    directory: PathBuf,
    variables: Vec<(OsString, OsString)>,
    input: Vec<u8>,
    file_size: Option<u64>,
}

impl Invocation {
    pub(crate) fn new<S: AsRef<OsStr>>(
        directory: &Path,
        variables: Vec<(OsString, OsString)>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            arguments: arguments
                .into_iter()
                .map(|argument| argument.as_ref().to_owned())
                .collect(),
            directory: directory.to_owned(),
            variables,
            input: Vec::new(),
            file_size: None,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = S>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Sets an environment variable.
    pub fn var(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables
            .push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Runs it elsewhere.
    pub fn dir(mut self, directory: &Path) -> Self {
        directory.clone_into(&mut self.directory);
        self
    }

    /// Gives it something on standard input, which is empty otherwise.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Lets it write no file past a size, in bytes, rounded down to whole blocks of 512:
    /// to the program that is a full disk.
    pub const fn file_size(mut self, bytes: u64) -> Self {
        self.file_size = Some(bytes);
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started or hangs.
    pub fn finish(self) -> Outcome {
        self.start().wait()
    }

    /// Starts it and returns at once.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use = "dropping it kills the process"]
    pub fn start(self) -> Running {
        let command = self.words();
        let mut child = self
            .command()
            .spawn()
            .unwrap_or_else(|error| panic!("{command} does not start: {error}"));
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let input = self.input;
        thread::spawn(move || {
            // A program that reads no input closes the pipe; that is its right.
            let _ = stdin.write_all(&input);
        });
        Running {
            stdout: Capture::of(child.stdout.take().expect("standard output is piped")),
            stderr: Capture::of(child.stderr.take().expect("standard error is piped")),
            command,
            child,
        }
    }

    /// Returns where it runs.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the environment variables that it has, and no others.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let variables = self.variables.iter();
        variables.map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Returns the program and its arguments.
    pub(crate) fn command_line(&self) -> impl Iterator<Item = String> {
        let arguments = self.arguments.iter().map(|word| word.to_string_lossy());
        let program = programs::tidegate().to_string_lossy().into_owned();
        std::iter::once(program).chain(arguments.map(std::borrow::Cow::into_owned))
    }

    fn words(&self) -> String {
        let mut words = String::from("tidegate");
        for argument in &self.arguments {
            words.push(' ');
            words.push_str(&argument.to_string_lossy());
        }
        words
    }

    fn command(&self) -> Command {
        let mut command = match self.file_size {
            None => Command::new(programs::tidegate()),
            Some(bytes) => {
                // The signal is ignored, so that writing fails as on a full disk.
                let script = format!(
                    "trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"",
                    bytes / 512
                );
                let mut shell = Command::new("/bin/sh");
                shell.arg("-c").arg(script).arg(programs::tidegate());
                shell
            }
        };
        command
            .args(&self.arguments)
            .current_dir(&self.directory)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// The program while it runs; dropping it kills the process.
#[derive(Debug)]
pub struct Running {
    command: String,
    child: Child,
    stdout: Capture,
    stderr: Capture,
}

impl Running {
    /// Returns its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns what it has printed on standard output so far.
    #[must_use]
    pub fn stdout_so_far(&self) -> String {
        self.stdout.so_far()
    }

    /// Returns what it has printed on standard error so far.
    #[must_use]
    pub fn stderr_so_far(&self) -> String {
        self.stderr.so_far()
    }

    /// Returns whether it has not ended yet.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn is_running(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child can be asked")
            .is_none()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When the system refuses to.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id is an i32");
        let id = Pid::from_raw(id).expect("a process id is not 0");
        kill_process(id, signal).expect("a child that was not waited for takes signals");
    }

    /// Interrupts it as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Kills it where it stands and waits until it is gone.
    ///
    /// # Panics
    /// When the system refuses to.
    pub fn kill(mut self) -> Outcome {
        self.child.kill().expect("a child can be killed");
        self.wait()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it hangs.
    pub fn wait(mut self) -> Outcome {
        let what = format!("the end of `{}`", self.command);
        let status = eventually(&what, || {
            self.child.try_wait().expect("a child can be asked")
        });
        self.outcome(status)
    }

    fn outcome(&mut self, status: ExitStatus) -> Outcome {
        Outcome {
            command: self.command.clone(),
            code: status.code(),
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
