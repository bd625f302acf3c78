//! The operating system's side of watching: folders in, notices out.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, MetadataKind, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode};

use super::WatchError;

/// How much an event says about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Certainty {
    /// It may be as it was: it was closed after writing, or its metadata changed.
    Maybe,
    /// It was written, made, moved or removed.
    Changed,
}

/// What the operating system has to say.
#[derive(Debug)]
pub(super) enum Notice {
    /// Something happened at paths.
    At(Vec<PathBuf>, Certainty),
    /// More happened than could be told.
    Overflow,
    /// Something is not watched any more.
    Failed(WatchError),
}

impl Notice {
    /// Reads an event; `None` where it is none of ours, as when a file was only read.
    pub(super) fn of(event: notify::Result<Event>) -> Option<Self> {
        let event = match event {
            Ok(event) => event,
            Err(error) => return Some(Self::Failed(in_our_words(error, Path::new("")))),
        };
        if event.need_rescan() {
            return Some(Self::Overflow);
        }
        let certainty = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Metadata(
                MetadataKind::Any | MetadataKind::WriteTime | MetadataKind::Other,
            )) => Certainty::Maybe,
            // Each end of a move is told by itself before the two together.
            EventKind::Access(_)
            | EventKind::Modify(ModifyKind::Metadata(_) | ModifyKind::Name(RenameMode::Both)) => {
                return None;
            }
            EventKind::Any
            | EventKind::Create(_)
            | EventKind::Modify(_)
            | EventKind::Remove(_)
            | EventKind::Other => Certainty::Changed,
        };
        Some(Self::At(event.paths, certainty))
    }
}

/// Watches folders, each without those below it.
pub(super) trait Folders {
    /// Watches a folder, anew where it is watched already.
    ///
    /// Returns whether the folder was there and could be read.
    fn add(&mut self, folder: &Path) -> Result<bool, WatchError>;

    /// Stops watching a folder, if it is watched.
    fn remove(&mut self, folder: &Path);
}

/// The operating system's own way to watch.
#[derive(Debug)]
pub(super) struct Native {
    watcher: RecommendedWatcher,
    /// Those that could not be watched, each told once.
    refused: BTreeSet<PathBuf>,
}

impl Native {
    /// Starts watching nothing yet; `on_event` is called on a thread of its own.
    pub(super) fn start(
        on_event: impl FnMut(notify::Result<Event>) + Send + 'static,
    ) -> Result<Self, WatchError> {
        let watcher = notify::recommended_watcher(on_event)
            .map_err(|error| in_our_words(error, Path::new("")))?;
        Ok(Self {
            watcher,
            refused: BTreeSet::new(),
        })
    }
}

impl Folders for Native {
    fn add(&mut self, folder: &Path) -> Result<bool, WatchError> {
        use notify::Watcher as _;
        let error = match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => return Ok(true),
            Err(error) => in_our_words(error, folder),
        };
        match &error {
            WatchError::Limit { .. } | WatchError::Instances { .. } => Err(error),
            WatchError::Refused { source, .. } => {
                let absent = matches!(
                    source.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                );
                if !absent && self.refused.insert(folder.to_owned()) {
                    tracing::debug!(folder = %folder.display(), error = %source, "a folder cannot be watched");
                }
                Ok(false)
            }
            WatchError::NoFolder { .. } | WatchError::Stopped => Ok(false),
        }
    }

    fn remove(&mut self, folder: &Path) {
        use notify::Watcher as _;
        // It fails only for what is not watched any more, which is what was wanted.
        let _ = self.watcher.unwatch(folder);
    }
}

/// The error of `EMFILE`: this user has as many watchers as may be.
const TOO_MANY_INSTANCES: i32 = rustix::io::Errno::MFILE.raw_os_error();

fn in_our_words(error: notify::Error, folder: &Path) -> WatchError {
    let path = error.paths.first().map_or(folder, PathBuf::as_path);
    let path = path.to_owned();
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => WatchError::Limit { path },
        notify::ErrorKind::Io(source) if source.raw_os_error() == Some(TOO_MANY_INSTANCES) => {
            WatchError::Instances { source }
        }
        notify::ErrorKind::Io(source) => WatchError::Refused { path, source },
        notify::ErrorKind::PathNotFound | notify::ErrorKind::WatchNotFound => WatchError::Refused {
            path,
            source: io::ErrorKind::NotFound.into(),
        },
        notify::ErrorKind::Generic(reason) => WatchError::Refused {
            path,
            source: io::Error::other(reason),
        },
        notify::ErrorKind::InvalidConfig(config) => WatchError::Refused {
            path,
            source: io::Error::other(format!("{config:?}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange, Flag};

    use super::*;

    #[test]
    fn a_limit_that_is_reached_is_named_with_what_raises_it() {
        let limit = notify::Error::new(notify::ErrorKind::MaxFilesWatch).add_path("/a/b".into());
        let text = in_our_words(limit, Path::new("")).to_string();
        assert!(text.contains("fs.inotify.max_user_watches"), "{text}");
        assert!(text.contains("/a/b"), "{text}");
        let instances = notify::Error::io(io::Error::from_raw_os_error(TOO_MANY_INSTANCES));
        let text = in_our_words(instances, Path::new("")).to_string();
        assert!(text.contains("fs.inotify.max_user_instances"), "{text}");
    }

    #[test]
    fn reading_a_file_is_no_notice_and_a_full_queue_is_one() {
        let of = |kind| Notice::of(Ok(Event::new(kind).add_path("/a".into())));
        assert!(of(EventKind::Access(AccessKind::Open(AccessMode::Any))).is_none());
        assert!(of(EventKind::Access(AccessKind::Close(AccessMode::Read))).is_none());
        assert!(matches!(
            of(EventKind::Access(AccessKind::Close(AccessMode::Write))),
            Some(Notice::At(_, Certainty::Maybe))
        ));
        assert!(matches!(
            of(EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any))),
            Some(Notice::At(_, Certainty::Maybe))
        ));
        assert!(matches!(
            of(EventKind::Modify(ModifyKind::Data(DataChange::Any))),
            Some(Notice::At(_, Certainty::Changed))
        ));
        assert!(matches!(
            of(EventKind::Create(CreateKind::File)),
            Some(Notice::At(_, Certainty::Changed))
        ));
        assert!(of(EventKind::Modify(ModifyKind::Name(RenameMode::Both))).is_none());
        assert!(matches!(
            of(EventKind::Modify(ModifyKind::Name(RenameMode::To))),
            Some(Notice::At(_, Certainty::Changed))
        ));
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(matches!(Notice::of(Ok(overflow)), Some(Notice::Overflow)));
    }
}
