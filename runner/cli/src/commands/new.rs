//! `tidegate new`: a project that builds, passes its tests and deploys.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use domain::ProjectName;
use engine::Code;
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::document::document;
use crate::error::CliError;
use crate::outcome::Ending;
use crate::template::Template;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The project's name; with no `--path`, also the folder that is made for it
    #[arg(value_name = "NAME")]
    name: ProjectName,
    /// What to begin with
    #[arg(long, value_enum, default_value_t, value_name = "TEMPLATE")]
    template: Template,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Outcome {
    let folder = match context.path() {
        Some(path) => path.to_owned(),
        None => PathBuf::from(arguments.name.as_str()),
    };
    refuse_occupied(&folder)?;
    let files = arguments.template.project(&arguments.name);
    for (path, text) in &files {
        write(&folder.join(path), text)?;
    }
    let folder = folder.canonicalize().unwrap_or(folder);
    context.shell.document(&document(
        "new",
        &json!({ "project": arguments.name, "path": folder, "files": files.len() }),
    ));
    let shown = folder.display();
    context.shell.data(format_args!(
        "{} is in {shown}; next:\n  cd {shown}\n  tidegate dev\n\
         `dev` deploys it to development, and again at every save; README.md goes on from there",
        arguments.name
    ));
    Ok(Ending::Done)
}

/// Refuses a folder that holds something, so that nothing is overwritten.
fn refuse_occupied(folder: &Path) -> Result<(), CliError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(
                CliError::usage(format!("{} is not empty", folder.display()))
                    .hint("name another folder with `--path DIR`"),
            ),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(folder, &error)),
    }
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
    }
    fs::write(path, text).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::UsageInvalid,
    };
    CliError::because(code, format!("{} cannot be written", path.display()), error)
}
