//! Watches everything that a project's build reads.

mod backend;
mod ignores;
mod pending;
mod sources;
mod tree;

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::sync::Notify;

use crate::project_file::ProjectFile;
use backend::{Native, Notice};
use pending::{Pending, QUIET};
use tree::{Findings, LockWriter, Tree};

/// What has changed since it was last told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The first ten paths, in order; those in the project's folder relative to it.
    pub paths: Vec<PathBuf>,
    /// How many paths there are besides.
    pub more: usize,
    /// Whether more happened than could be followed, so that any file may have changed.
    pub everything: bool,
    /// Whether `tidegate.toml` is, or may be, one of them.
    pub project_file: bool,
    /// Whether the project's folder is not there; its return is told as a change.
    pub gone: bool,
    /// When the first of it was seen.
    pub first_seen: Instant,
}

/// Says what cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The project's folder cannot be read.
    #[error("the folder {} cannot be watched", .path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The operating system watches no more folders for this user.
    #[error(
        "{} cannot be watched: the limit of watched folders is reached; raise it, as with `sudo sysctl fs.inotify.max_user_watches=524288`",
        .path.display()
    )]
    Limit {
        /// The first folder that is not watched.
        path: PathBuf,
    },
    /// The operating system gives this user no more watchers.
    #[error(
        "files cannot be watched: the limit of watching programs is reached; end some, or raise it, as with `sudo sysctl fs.inotify.max_user_instances=512`"
    )]
    Instances {
        /// What the operating system says.
        source: io::Error,
    },
    /// The operating system refuses for another reason.
    #[error("{} cannot be watched", .path.display())]
    Refused {
        /// The file or folder; empty where it is none in particular.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The watching ended by a fault of its own.
    #[error("files are not watched any more; start again")]
    Stopped,
}

/// Watches what a project's build reads, until it is dropped.
///
/// Nothing that happens after [`watch`] returned is lost: what changes while
/// nobody waits is told to the next who does.
#[derive(Debug)]
pub struct Watcher {
    shared: Arc<Shared>,
    messages: Sender<Message>,
}

/// A build that runs; see [`Watcher::building`].
#[derive(Debug)]
#[must_use = "a build ends when this is dropped"]
pub struct Building {
    shared: Arc<Shared>,
    /// How many reasons to write the lock file there had been when it began.
    reasons: u64,
}

#[derive(Debug)]
enum Message {
    /// The operating system said something, at a time.
    Notice(Instant, Notice),
    /// The project file is another.
    Follow(Box<ProjectFile>),
    /// Nobody wants to know any more.
    Stop,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    more: Notify,
}

#[derive(Debug)]
struct State {
    root: PathBuf,
    gone: bool,
    pending: Option<Pending>,
    error: Option<WatchError>,
    stopped: bool,
    /// How many builds run.
    builds: usize,
    /// Whether a build has a reason to write cargo's lock file.
    lock_due: bool,
    /// How many such reasons there have been.
    reasons: u64,
}

/// Starts to watch what the build of a project reads.
///
/// That is the project's folder and, where cargo builds, the packages that it
/// depends on by path, the workspace's manifest, the lock file, and the
/// settings of cargo and rustup above. What git ignores is not watched, nor
/// are `target`, `.git`, `.tidegate`, what editors leave, and the component
/// that a command makes. Of a project that has only a component, that file is
/// watched.
///
/// This goes through the folders, which takes a moment where there are many.
/// A project file that changed between its reading and this call is not told;
/// reading it once more finds out.
///
/// # Errors
/// When the project's folder is not there or the operating system watches no more.
pub fn watch(project: &ProjectFile) -> Result<Watcher, WatchError> {
    let (messages, inbox) = channel();
    let events = messages.clone();
    let native = Native::start(move |event| {
        if let Some(notice) = Notice::of(event) {
            // Nobody listens any more where it fails.
            let _ = events.send(Message::Notice(Instant::now(), notice));
        }
    })?;
    let tree = Tree::plant(native, project.clone())?;
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            root: project.root.clone(),
            gone: tree.gone(),
            pending: None,
            error: None,
            stopped: false,
            builds: 0,
            lock_due: true,
            reasons: 0,
        }),
        more: Notify::new(),
    });
    let collector = Collector {
        tree,
        inbox,
        shared: shared.clone(),
    };
    thread::Builder::new()
        .name("tidegate-watch".to_owned())
        .spawn(move || collector.run())
        .map_err(|source| WatchError::Refused {
            path: project.root.clone(),
            source,
        })?;
    Ok(Watcher { shared, messages })
}

impl Watcher {
    /// Waits until something has changed and all is quiet again, for 10 ms, or 200 ms have passed.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// When something can no longer be watched, told once; what else is watched stays so.
    pub async fn changed(&mut self) -> Result<Changes, WatchError> {
        loop {
            let due = {
                let mut state = self.shared.lock();
                if let Some(error) = state.take_error() {
                    return Err(error);
                }
                let due = state.pending.as_ref().map(Pending::due);
                if due.is_some_and(|due| due <= Instant::now())
                    && let Some(changes) = state.take()
                {
                    return Ok(changes);
                }
                due
            };
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => self.shared.more.notified().await,
            }
        }
    }

    /// Takes what has changed up to now, quiet or not.
    #[must_use]
    pub fn take(&mut self) -> Option<Changes> {
        self.shared.lock().take()
    }

    /// Goes on with the project's file as it is now, without losing anything meanwhile.
    ///
    /// The folder must be the same one.
    pub fn follow(&mut self, project: &ProjectFile) {
        // Where the collector ended, `changed` says so.
        let _ = self
            .messages
            .send(Message::Follow(Box::new(project.clone())));
    }

    /// Tells that a build runs for as long as the answer lives.
    ///
    /// A build writes cargo's lock file when there is none or a manifest
    /// changed. One such write during a build is taken for its own and is no change.
    pub fn building(&self) -> Building {
        let mut state = self.shared.lock();
        state.builds += 1;
        Building {
            shared: self.shared.clone(),
            reasons: state.reasons,
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // Where it fails the collector has ended already.
        let _ = self.messages.send(Message::Stop);
    }
}

impl Building {
    /// Tells that the build ran to its end, well or not, and so has written what it had to.
    pub fn finished(self) {
        let mut state = self.shared.lock();
        // What has become a reason since it began may have come too late for it.
        if state.reasons == self.reasons {
            state.lock_due = false;
        }
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        self.shared.lock().builds -= 1;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change of the state is one assignment: a panic leaves it sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self) -> Option<Changes> {
        let pending = self.pending.take()?;
        Some(pending.tell(&self.root, self.gone))
    }

    fn take_error(&mut self) -> Option<WatchError> {
        self.error
            .take()
            .or(self.stopped.then_some(WatchError::Stopped))
    }

    fn lock_writer(&self) -> LockWriter {
        if self.builds > 0 && self.lock_due {
            LockWriter::Build
        } else {
            LockWriter::Somebody
        }
    }

    fn take_in(&mut self, first: Instant, findings: Findings, gone: bool) {
        self.gone = gone;
        self.reasons += u64::from(findings.lock_due);
        self.lock_due = findings.lock_due || (self.lock_due && !findings.lock_written);
        if findings.error.is_some() {
            self.error = findings.error;
        }
        if findings.everything || !findings.changed.is_empty() {
            self.pending
                .get_or_insert_with(|| Pending::since(first))
                .add(Instant::now(), findings.changed, findings.everything);
        }
    }
}

/// Makes changes of notices, on a thread of its own: looking at files takes time.
struct Collector {
    tree: Tree<Native>,
    inbox: Receiver<Message>,
    shared: Arc<Shared>,
}

impl Collector {
    fn run(mut self) {
        loop {
            let first = if self.tree.has_written_locks() {
                self.inbox.recv_timeout(QUIET)
            } else {
                self.inbox.recv().map_err(RecvTimeoutError::from)
            };
            match first {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(first) => {
                    if !self.take_in(first) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    let findings = self.tree.read_locks();
                    self.tell(Instant::now(), findings);
                }
            }
        }
    }

    /// Takes in a message and all that came since; returns whether to go on.
    fn take_in(&mut self, first: Message) -> bool {
        let mut notices = Vec::new();
        let mut first_seen = None;
        let mut project = None;
        // All that has come is looked at together: much of it is about the same files.
        for message in std::iter::once(first).chain(self.inbox.try_iter()) {
            match message {
                Message::Notice(at, notice) => {
                    first_seen.get_or_insert(at);
                    notices.push(notice);
                }
                Message::Follow(other) => project = Some(other),
                Message::Stop => return false,
            }
        }
        let writer = self.shared.lock().lock_writer();
        let mut findings = self.tree.take_in(notices, writer);
        if let Some(project) = project {
            self.tree.follow(*project, &mut findings);
        }
        self.tell(first_seen.unwrap_or_else(Instant::now), findings);
        true
    }

    fn tell(&self, first_seen: Instant, findings: Findings) {
        let gone = self.tree.gone();
        self.shared.lock().take_in(first_seen, findings, gone);
        self.shared.more.notify_one();
    }
}

impl Drop for Collector {
    /// Says that it ended, also when it ended by a panic.
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.more.notify_one();
    }
}
