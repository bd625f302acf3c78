//! From a source folder to a component.
//!
//! Reads `tidegate.toml`, runs the build that it asks for, in a process group
//! that ends with the build, and watches what that build reads. It must never read what a component does,
//! nor deploy anything: a path to a file is all that leaves this crate.

mod build;
mod cargo_build;
mod command_build;
mod commit;
mod environment;
mod process;
mod project_file;
mod watcher;

pub use build::{Prebuilt, build_of};
pub use cargo_build::CargoBuild;
pub use command_build::CommandBuild;
pub use project_file::{
    DEFAULT_BUILD_TIMEOUT, Fault, PROJECT_FILE, ProjectFile, ProjectFileError, ProjectLimits,
    find_project,
};
pub use watcher::{Building, Changes, WatchError, Watcher, watch};
