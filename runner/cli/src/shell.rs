//! The only place that prints.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Stderr, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use engine::Code;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::document::KindFirst;
use crate::error::CliError;
use crate::text::plain;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// The form of what goes to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document per command; one a line where events are streamed.
    Json,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set; always with CLICOLOR_FORCE.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Returns the choice as clap has it, for its own messages.
    pub(crate) fn for_clap(self) -> clap::ColorChoice {
        match self {
            Self::Auto => clap::ColorChoice::Auto,
            Self::Always => clap::ColorChoice::Always,
            Self::Never => clap::ColorChoice::Never,
        }
    }

    fn for_stream(self, stream: &impl anstream::stream::RawStream) -> ColorChoice {
        match self {
            Self::Auto => AutoStream::choice(stream),
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        }
    }
}

/// Prints data to standard output and everything else to standard error.
pub(crate) struct Shell {
    format: Format,
    verbosity: u8,
    streaming: AtomicBool,
    streams: Mutex<Streams>,
}

struct Streams {
    out: AutoStream<Stdout>,
    err: AutoStream<Stderr>,
    spinner: Option<ProgressBar>,
    spinning: bool,
    /// What stands at the bottom of the terminal while nothing spins.
    status: Option<String>,
    failure: Option<io::Error>,
}

impl Shell {
    /// Prepares both streams.
    pub(crate) fn new(format: Format, color: Color, verbosity: u8) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let (out_choice, err_choice) = (color.for_stream(&out), color.for_stream(&err));
        Self {
            format,
            verbosity,
            streaming: AtomicBool::new(false),
            streams: Mutex::new(Streams {
                out: AutoStream::new(out, out_choice),
                err: AutoStream::new(err, err_choice),
                spinner: None,
                spinning: false,
                status: None,
                failure: None,
            }),
        }
    }

    /// Returns whether standard output takes JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Returns whether more is to be told than usual.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbosity > 0
    }

    /// Prints every document from now on as one line.
    pub(crate) fn stream(&self) {
        self.streaming.store(true, Ordering::Relaxed);
    }

    /// Prints a text to standard output; not with `--format json`.
    pub(crate) fn data(&self, text: impl Display) {
        if !self.is_json() {
            self.to_out(&format!("{text}\n"));
        }
    }

    /// Prints a document to standard output; only with `--format json`.
    pub(crate) fn document(&self, document: &Value) {
        if !self.is_json() {
            return;
        }
        let one_line = self.streaming.load(Ordering::Relaxed) || !io::stdout().is_terminal();
        let document = KindFirst(document);
        let text = match one_line {
            true => serde_json::to_string(&document).unwrap_or_default(),
            false => crate::text::json(&document),
        };
        self.to_out(&format!("{text}\n"));
    }

    /// Prints a line to standard error.
    pub(crate) fn note(&self, text: impl Display) {
        self.to_err(&format!("{text}\n"));
    }

    /// Prints a warning to standard error.
    pub(crate) fn warn(&self, text: impl Display) {
        self.note(format_args!("{WARNING}warning{WARNING:#}: {text}"));
    }

    /// Prints what to do next to standard error.
    pub(crate) fn hint(&self, text: impl Display) {
        self.note(format_args!("{HINT}hint{HINT:#}: {text}"));
    }

    /// Prints an error to standard error and, with `--format json`, its document.
    pub(crate) fn error(&self, error: &CliError) {
        self.document(&error.document());
        let mut lines = error.lines();
        let first = lines.next().unwrap_or_default();
        self.failed(error.code(), &first);
        for cause in lines {
            self.note(format_args!("  because: {cause}"));
        }
        for hint in error.hints() {
            self.hint(plain(hint));
        }
    }

    /// Prints to standard error what failed, under its code.
    pub(crate) fn failed(&self, code: Code, message: &str) {
        self.note(format_args!("{ERROR}error[{code}]{ERROR:#}: {message}"));
    }

    /// Shows on a terminal that something goes on, until [`Shell::still`].
    pub(crate) fn spin(&self, label: &str) {
        if !io::stderr().is_terminal() {
            return;
        }
        let mut streams = self.lock();
        streams.spinning = true;
        let bar = streams.bar();
        bar.set_style(ProgressStyle::default_spinner());
        bar.enable_steady_tick(Duration::from_millis(100));
        bar.set_message(label.to_owned());
    }

    /// Takes the sign away that [`Shell::spin`] showed; the status line, if there is one, comes back.
    pub(crate) fn still(&self) {
        let mut streams = self.lock();
        streams.spinning = false;
        let Some(status) = streams.status.clone() else {
            streams.clear_bar();
            return;
        };
        let bar = streams.bar();
        bar.disable_steady_tick();
        bar.set_style(
            ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| {
                // The template is a constant, and right.
                ProgressStyle::default_spinner()
            }),
        );
        bar.set_message(status);
        bar.tick();
    }

    /// Takes every sign away, the status line too, while somebody types a line.
    pub(crate) fn pause(&self) {
        let mut streams = self.lock();
        streams.spinning = false;
        streams.clear_bar();
    }

    /// Keeps a line at the bottom of a terminal, below everything else that is
    /// printed; none takes it away. Elsewhere nothing happens.
    pub(crate) fn keep(&self, status: Option<String>) {
        if !io::stderr().is_terminal() {
            return;
        }
        let spins = {
            let mut streams = self.lock();
            streams.status = status;
            streams.spinning
        };
        if !spins {
            self.still();
        }
    }

    /// Empties the terminal.
    pub(crate) fn clear(&self) {
        if io::stderr().is_terminal() {
            self.to_err("\x1b[2J\x1b[3J\x1b[H");
        }
    }

    /// Says whether everything could be printed.
    ///
    /// # Errors
    /// The first failure. That nobody reads any more is none.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let mut streams = self.lock();
        streams.status = None;
        streams.clear_bar();
        let flushed = streams.out.flush();
        streams.record(flushed);
        streams.failure.take().map_or(Ok(()), Err)
    }

    fn to_out(&self, text: &str) {
        let mut streams = self.lock();
        let written = streams.quietly(|streams| {
            streams.out.write_all(text.as_bytes())?;
            streams.out.flush()
        });
        streams.record(written);
    }

    fn to_err(&self, text: &str) {
        let mut streams = self.lock();
        // Where standard error is gone there is nobody to tell.
        let _ = streams.quietly(|streams| streams.err.write_all(text.as_bytes()));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streams {
    fn bar(&mut self) -> ProgressBar {
        self.spinner
            .get_or_insert_with(|| {
                ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
            })
            .clone()
    }

    fn clear_bar(&mut self) {
        if let Some(bar) = self.spinner.take() {
            bar.finish_and_clear();
        }
    }

    /// Writes with the spinner out of the way.
    fn quietly(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        match self.spinner.clone() {
            Some(bar) => bar.suspend(|| write(self)),
            None => write(self),
        }
    }

    fn record(&mut self, written: io::Result<()>) {
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.failure.get_or_insert(error);
        }
    }
}
