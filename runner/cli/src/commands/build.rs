//! `tidegate build`: source in, component out.

use std::path::PathBuf;

use clap::Args;
use domain::ArtifactDigest;
use engine::{BuildProfile, Code};
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::document::document;
use crate::error::CliError;
use crate::outcome::{Ending, build_error};
use crate::text::bytes;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The project's directory [default: the current one]
    #[arg(value_name = "PATH")]
    folder: Option<PathBuf>,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Outcome {
    let file = context.project_file(arguments.folder.as_deref())?;
    let progress = context.progress();
    context.shell.spin("build");
    let built = watch::build_of(&file)
        .build(BuildProfile::Release, &progress)
        .await;
    context.shell.still();
    let path = built.map_err(build_error)?.path;
    let content = std::fs::read(&path).map_err(|error| {
        let message = format!("{} cannot be read", path.display());
        CliError::because(Code::ComponentMissing, message, &error)
    })?;
    let artifact = ArtifactDigest::of(&content);
    let size_bytes = content.len() as u64;
    context.shell.document(&document(
        "build",
        &json!({ "artifact": artifact, "path": path, "size_bytes": size_bytes }),
    ));
    context.shell.data(format_args!(
        "artifact  {artifact}\npath      {}\nsize      {}",
        path.display(),
        bytes(size_bytes)
    ));
    Ok(Ending::Done)
}
