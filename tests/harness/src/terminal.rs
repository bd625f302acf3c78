//! The program in a terminal of its own.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::capture::Capture;
use crate::condition::eventually;
use crate::invocation::Invocation;

/// A program under a pseudo-terminal, which `script` of Debian's base makes.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Capture,
    terminal: PathBuf,
    pid: PathBuf,
}

impl Terminal {
    /// Starts the program of an invocation in a terminal of 100 columns and 30 lines.
    ///
    /// # Panics
    /// When there is no `script`, or the program does not start.
    #[must_use = "dropping it ends the terminal"]
    pub fn start(invocation: &Invocation) -> Self {
        let notes = invocation.directory().with_extension("terminal");
        fs::create_dir_all(&notes).expect("a directory takes another");
        let (terminal, pid) = (notes.join("name"), notes.join("pid"));
        let words: Vec<String> = invocation
            .command_line()
            .map(|word| quoted(&word))
            .collect();
        let inner = format!(
            "stty cols 100 rows 30; tty > {}; echo $$ > {}; exec {}",
            quoted(&terminal.to_string_lossy()),
            quoted(&pid.to_string_lossy()),
            words.join(" ")
        );
        let mut child = Command::new("script")
            .args(["-q", "-e", "-f", "-c", &inner, "/dev/null"])
            .current_dir(invocation.directory())
            .env_clear()
            .envs(invocation.environment())
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("`script` is part of every Debian");
        Self {
            keys: child.stdin.take().expect("standard input is piped"),
            screen: Capture::of(child.stdout.take().expect("standard output is piped")),
            child,
            terminal,
            pid,
        }
    }

    /// Types.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn types(&mut self, text: &str) {
        self.keys
            .write_all(text.as_bytes())
            .and_then(|()| self.keys.flush())
            .expect("the terminal takes keys");
    }

    /// Returns everything that was printed so far, with what moves the cursor and colours.
    #[must_use]
    pub fn printed(&self) -> String {
        self.screen.so_far()
    }

    /// Waits until a text was printed after the first `from` bytes of all output;
    /// returns how many bytes there are up to its end.
    ///
    /// # Panics
    /// When it is not.
    pub fn shows_after(&self, from: usize, text: &str) -> usize {
        eventually(&format!("`{text}` in {}", self.printed()), || {
            let printed = self.printed();
            let rest = printed.get(from..)?;
            rest.find(text).map(|at| from + at + text.len())
        })
    }

    /// Gives the terminal another size.
    ///
    /// # Panics
    /// When it does not take it.
    pub fn resize(&self, columns: u16, rows: u16) {
        let name = fs::read_to_string(&self.terminal).expect("the terminal's name is noted");
        let status = Command::new("stty")
            .args(["-F", name.trim(), "cols"])
            .arg(columns.to_string())
            .arg("rows")
            .arg(rows.to_string())
            .status()
            .expect("`stty` is part of every Debian");
        assert!(status.success(), "the terminal takes a size");
    }

    /// Returns whether the terminal waits for whole lines and shows what is typed.
    ///
    /// # Panics
    /// When the terminal does not tell.
    #[must_use]
    pub fn takes_lines(&self) -> bool {
        let name = fs::read_to_string(&self.terminal).expect("the terminal's name is noted");
        let output = Command::new("stty")
            .args(["-F", name.trim(), "-a"])
            .output()
            .expect("`stty` is part of every Debian");
        let modes = String::from_utf8_lossy(&output.stdout).into_owned();
        modes.split_whitespace().any(|mode| mode == "icanon")
    }

    /// Returns the program's process id.
    ///
    /// # Panics
    /// When it is not known.
    #[must_use]
    pub fn id(&self) -> u32 {
        let text = fs::read_to_string(&self.pid).expect("the process is noted");
        text.trim().parse().expect("a process id is a number")
    }

    /// Waits for the program's end and returns its exit code.
    ///
    /// # Panics
    /// When it hangs.
    #[must_use]
    pub fn wait(mut self) -> Option<i32> {
        let status = eventually("the end of the program", || {
            self.child.try_wait().expect("a child can be asked")
        });
        status.code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
