//! Keys pressed in a terminal, one at a time or as lines.

use std::io::{self, IsTerminal as _, Read as _, Stdin};
use std::sync::{Mutex, PoisonError};
use std::thread;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use tokio::sync::mpsc;

/// What somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// One key.
    Key(char),
    /// A line, without its end.
    Line(String),
}

/// The terminal's keys; dropping it gives the terminal back as it was.
pub(super) struct Keys {
    stdin: Stdin,
    before: Termios,
    bytes: mpsc::UnboundedReceiver<Vec<u8>>,
    pending: Vec<u8>,
    lines: Mutex<bool>,
}

impl Keys {
    /// Takes the keys of the terminal; `None` where there is none to take them of.
    pub(super) fn take() -> Option<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        // To read the terminal in the background would stop the program.
        if tcgetpgrp(&stdin).ok()? != rustix::process::getpgrp() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let (sender, bytes) = mpsc::unbounded_channel();
        // It ends with the program: a read of a terminal cannot be taken back.
        thread::Builder::new()
            .name("tidegate-keys".to_owned())
            .spawn(move || read(&sender))
            .ok()?;
        let keys = Self {
            stdin,
            before,
            bytes,
            pending: Vec::new(),
            lines: Mutex::new(false),
        };
        keys.one_by_one();
        Some(keys)
    }

    /// Takes single keys from now on, and shows none of them.
    pub(super) fn one_by_one(&self) {
        self.set(false);
    }

    /// Takes whole lines from now on, which the terminal shows and lets people edit.
    pub(super) fn by_line(&self) {
        self.set(true);
    }

    /// Sets the terminal once more as it was set last, after a stop and a continuation.
    pub(super) fn renew(&self) {
        let lines = *self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        self.set(lines);
    }

    /// Waits for the next key or line; `None` once the terminal is gone.
    pub(super) async fn next(&mut self) -> Option<Typed> {
        loop {
            if let Some(typed) = self.typed() {
                return Some(typed);
            }
            let more = self.bytes.recv().await?;
            self.pending.extend(more);
        }
    }

    fn typed(&mut self) -> Option<Typed> {
        let lines = *self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        next_of(&mut self.pending, lines)
    }

    fn set(&self, lines: bool) {
        *self.lines.lock().unwrap_or_else(PoisonError::into_inner) = lines;
        let mut modes = self.before.clone();
        // Ctrl-C and Ctrl-Z stay signals, and what is printed stays as it is.
        modes
            .local_modes
            .set(LocalModes::ICANON | LocalModes::ECHO, lines);
        // Where the terminal is gone there is nothing to set.
        let _ = tcsetattr(&self.stdin, OptionalActions::Now, &modes);
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.stdin, OptionalActions::Now, &self.before);
    }
}

fn read(sender: &mpsc::UnboundedSender<Vec<u8>>) {
    let mut buffer = [0; 1024];
    loop {
        match io::stdin().lock().read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                let Some(bytes) = buffer.get(..count) else {
                    return;
                };
                if sender.send(bytes.to_vec()).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Takes the next key, or the next whole line, from what was read.
fn next_of(pending: &mut Vec<u8>, lines: bool) -> Option<Typed> {
    if lines {
        let end = pending.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = pending.drain(..=end).collect();
        let text = String::from_utf8_lossy(&line);
        return Some(Typed::Line(text.trim().to_owned()));
    }
    while !pending.is_empty() {
        if pending.first() == Some(&0x1b) {
            // Arrows and the like come as a sequence, all at once.
            pending.clear();
            return None;
        }
        let byte = pending.remove(0);
        if byte.is_ascii_graphic() {
            return Some(Typed::Key(char::from(byte.to_ascii_lowercase())));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Typed, next_of};

    fn all(text: &str, lines: bool) -> Vec<Typed> {
        let mut pending = text.as_bytes().to_vec();
        std::iter::from_fn(|| next_of(&mut pending, lines)).collect()
    }

    #[test]
    fn keys_come_one_by_one_in_lower_case() {
        assert_eq!(all("dQ", false), [Typed::Key('d'), Typed::Key('q')]);
        assert_eq!(all("\r\n ", false), []);
    }

    #[test]
    fn an_arrow_key_is_no_letter() {
        assert_eq!(all("\u{1b}[D", false), []);
    }

    #[test]
    fn a_line_comes_whole_or_not_at_all() {
        assert_eq!(all("greet", true), []);
        let line = |text: &str| Typed::Line(text.to_owned());
        assert_eq!(
            all("greet\n{\"a\":1}\n", true),
            [line("greet"), line("{\"a\":1}")]
        );
    }
}
