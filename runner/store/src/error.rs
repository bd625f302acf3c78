//! What can go wrong with the store itself, whatever the operation.

use std::path::PathBuf;

use domain::{IllegalMove, IllegalRunMove};

/// Says why an operation of the store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What is stored contradicts itself or cannot be read.
    #[error(
        "the database (tidegate.db) is damaged: {0}; restore a backup, or run `tidegate doctor` to see more"
    )]
    Corrupt(String),
    /// There is no room; nothing was changed and reads go on.
    #[error(
        "the disk that holds the database is full; nothing was changed, make room and try again"
    )]
    DiskFull,
    /// The database can be read and not written.
    #[error("the database cannot be written: it, its directory or its disk is read-only")]
    ReadOnly,
    /// The database is of a newer program.
    #[error(
        "the database {} has schema {found}, this program knows up to {known}; use a newer tidegate",
        path.display()
    )]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema that this program knows.
        known: u32,
    },
    /// What is sealed was sealed with another key.
    #[error(
        "the encryption key {found} is not the key {expected} that this data directory was sealed with; put the right key back"
    )]
    WrongKey {
        /// The id of the key that the directory was sealed with.
        expected: String,
        /// The id of the key there is.
        found: String,
    },
    /// A sealed value does not open: it, or what it belongs to, was changed.
    #[error("the sealed {0} does not open: it was changed, or belongs elsewhere")]
    Unsealable(&'static str),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness,
    /// What was asked for is not there.
    #[error("there is no {0}")]
    NotFound(String),
    /// A step was to make a move that the journal does not know.
    #[error(transparent)]
    IllegalMove(#[from] IllegalMove),
    /// A run was to make a move that there is not.
    #[error(transparent)]
    IllegalRunMove(#[from] IllegalRunMove),
    /// A file of the data directory could not be read or written.
    #[error("cannot {what} {}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Another process holds the data directory and its database is of an older schema.
    #[error("the database is of an older schema and cannot be brought up to date")]
    Locked(#[from] crate::LockError),
    /// SQLite refused.
    #[error("the database refused an operation")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The thread that works on the database is gone.
    #[error("the database's thread has stopped")]
    Stopped,
}

impl Error {
    pub(crate) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
        source: std::io::Error,
    ) -> Self {
        let path = path.into();
        if is_disk_full(&source) {
            return Self::DiskFull;
        }
        Self::File { what, path, source }
    }

    pub(crate) fn corrupt(detail: impl Into<String>) -> Self {
        Self::Corrupt(detail.into())
    }
}

/// Returns whether an I/O error means that there is no room.
pub(crate) fn is_disk_full(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::StorageFull
            | std::io::ErrorKind::QuotaExceeded
            | std::io::ErrorKind::FileTooLarge
    )
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        // `SQLITE_IOERR_WRITE`: a quota that is used up shows as this.
        const IOERR_WRITE: i32 = 778;
        // `SQLITE_IOERR_SHMSIZE`: no room for the index of the write-ahead log.
        const IOERR_SHMSIZE: i32 = 4874;
        let Some(failure) = error.sqlite_error() else {
            return match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..) => Self::Corrupt(error.to_string()),
                other => Self::Database(Box::new(other)),
            };
        };
        match (failure.code, failure.extended_code) {
            (ErrorCode::DiskFull, _) | (_, IOERR_WRITE | IOERR_SHMSIZE) => Self::DiskFull,
            (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => {
                Self::Corrupt(error.to_string())
            }
            (ErrorCode::ReadOnly, _) => Self::ReadOnly,
            _ => Self::Database(Box::new(error)),
        }
    }
}
