//! `tidegate completions`: what a shell needs to complete the command line.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use serde_json::json;

use super::Outcome;
use crate::cli::Cli;
use crate::context::Context;
use crate::document::document;
use crate::outcome::Ending;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Outcome {
    let script = script(arguments.shell);
    context.shell.document(&document(
        "completions",
        &json!({ "shell": arguments.shell.to_string(), "script": script }),
    ));
    context.shell.data(script.trim_end());
    Ok(Ending::Done)
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tidegate", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use clap_complete::Shell;

    use super::script;

    #[test]
    fn every_shell_learns_every_command() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
            let script = script(shell);
            for command in ["subscriptions", "rollback", "completions"] {
                assert!(script.contains(command), "{shell}: {command}");
            }
        }
    }
}
