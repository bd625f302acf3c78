//! What the command line takes, and how it gets to a command.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser};
use domain::ProjectName;
use engine::Code;

use crate::commands::Command;
use crate::context::Context;
use crate::error::CliError;
use crate::outcome::Ending;
use crate::shell::{Color, Format, Shell};
use crate::signals::{self, interrupted};

/// How long the last work of a command may go on after its end.
const GRACE: Duration = Duration::from_secs(2);

/// Deploys integrations written as WebAssembly components.
#[derive(Debug, Parser)]
#[command(
    name = "tidegate",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the gate says no, 4 input needed, \
                  5 conflict or stale plan, 6 undecided, 7 live but subscription steps not done.\n\
                  `tidegate explain CODE` says what an error's code means."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// The form of what goes to standard output
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        overrides_with = "format"
    )]
    pub(crate) format: Format,
    /// When to colour
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        overrides_with = "color"
    )]
    pub(crate) color: Color,
    /// Ask nothing: where an answer is needed, fail with exit 4 and name the flag that gives it
    #[arg(long, global = true, visible_alias = "yes")]
    pub(crate) no_input: bool,
    /// Tell more; twice for what the program does inside
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// The project's directory, or one below it [default: the current one]
    #[arg(long, global = true, value_name = "DIR", overrides_with = "path")]
    pub(crate) path: Option<PathBuf>,
    /// Where the state is [default: .tidegate in the project]
    #[arg(long, global = true, value_name = "DIR", overrides_with = "data")]
    pub(crate) data: Option<PathBuf>,
    /// The project, where it is not that of the tidegate.toml here or above
    #[arg(long, global = true, value_name = "NAME", overrides_with = "project")]
    pub(crate) project: Option<ProjectName>,
}

/// Runs the program and returns how it ended.
pub(crate) fn main(arguments: Vec<OsString>) -> ExitCode {
    let early = Early::peek(&arguments);
    let command = Cli::command().color(early.color.for_clap());
    let parsed = command
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return early.refuse(&error),
    };
    let globals = cli.globals;
    let shell = Arc::new(Shell::new(globals.format, globals.color, globals.verbose));
    crate::progress::trace(&shell, globals.verbose);
    let context = Context::new(Arc::clone(&shell), globals);
    let ending = match run(&context, cli.command) {
        Ok(ending) => ending,
        Err(error) => {
            shell.still();
            shell.error(&error);
            Ending::from(error.code())
        }
    };
    if let Ending::Interrupted(_) = ending {
        shell.still();
        shell.note("interrupted: `tidegate status` shows what stands");
    }
    match shell.finish() {
        Ok(()) => ending.into(),
        Err(error) => {
            shell.note(format_args!(
                "error: standard output cannot be written: {error}"
            ));
            ExitCode::FAILURE
        }
    }
}

/// Runs a command until it ends or somebody interrupts it.
fn run(context: &Context, command: Command) -> Result<Ending, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::because(Code::Internal, "no threads can be started", &error))?;
    let ending = runtime.block_on(async {
        signals::survive_full_disks();
        let running = command.run(context);
        tokio::pin!(running);
        let signal = tokio::select! {
            biased;
            ended = &mut running => return ended,
            signal = interrupted() => signal,
        };
        if !context.ends_itself() {
            // Dropping the command ends what it started, builds included.
            return Ok(Ending::Interrupted(signal));
        }
        tokio::select! {
            biased;
            ended = &mut running => ended,
            signal = interrupted() => Ok(Ending::Interrupted(signal)),
        }
    });
    runtime.shutdown_timeout(GRACE);
    ending
}

/// What has to be known before the arguments are understood: how to say that they are not.
#[derive(Debug, PartialEq, Eq)]
struct Early {
    format: Format,
    color: Color,
}

impl Early {
    fn peek(arguments: &[OsString]) -> Self {
        use clap::ValueEnum as _;
        let texts: Vec<&str> = arguments
            .iter()
            .filter_map(|argument| argument.to_str())
            .take_while(|argument| *argument != "--")
            .collect();
        let value_of = |flag: &str| -> Option<&str> {
            texts.iter().enumerate().find_map(|(index, text)| {
                if *text == flag {
                    texts.get(index + 1).copied()
                } else {
                    text.strip_prefix(flag)?.strip_prefix('=')
                }
            })
        };
        let format = value_of("--format").and_then(|text| Format::from_str(text, true).ok());
        let color = value_of("--color").and_then(|text| Color::from_str(text, true).ok());
        Self {
            format: format.unwrap_or_default(),
            color: color.unwrap_or_default(),
        }
    }

    /// Shows help where that was asked for, else what is wrong with the arguments.
    fn refuse(&self, error: &clap::Error) -> ExitCode {
        let asked = matches!(
            error.kind(),
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
        );
        if !asked && self.format == Format::Json {
            let message = error.to_string();
            let message = message.split("\n\n").next().unwrap_or_default();
            let message = message.strip_prefix("error: ").unwrap_or(message).trim();
            let shell = Shell::new(self.format, self.color, 0);
            shell.document(&CliError::usage(message).document());
        }
        // Where nothing can be printed there is nobody to tell.
        let _ = error.print();
        ExitCode::from(if asked { 0 } else { 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::{Cli, Color, Early, Format};
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn the_arguments_of_no_command_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn format_and_colour_are_known_even_where_the_rest_is_wrong() {
        let early = |line: &str| Early::peek(&line.split(' ').map(Into::into).collect::<Vec<_>>());
        let json = Early {
            format: Format::Json,
            color: Color::Never,
        };
        assert_eq!(early("tidegate --format json oops --color=never"), json);
        let usual = Early {
            format: Format::Text,
            color: Color::Auto,
        };
        assert_eq!(early("tidegate oops -- --format json"), usual);
    }

    #[test]
    fn every_line_of_the_manual_is_understood() {
        for line in [
            "new hello --template webhook",
            "dev examples/hello --env staging --once",
            "build",
            "plan --env staging --detailed-exitcode",
            "deploy examples/hello --env e --version 1.2.0 --description d --atomic --no-wait --settle-timeout 5 --follow --allow-remove-all",
            "deploy --artifact ba7816bf8f01",
            "rollback --env production --to 3",
            "status",
            "objects list --all",
            "objects show action greet",
            "deploys logs 3",
            "artifacts gc --dry-run",
            "locks break --env production",
            "run greet --env production --input {}",
            "run nightly --workflow --input @range.json",
            "runs replay 7 --original",
            "runs replay 7 --watch",
            "runs cancel 7",
            "deliveries replay 3",
            "events send order-placed --payload {}",
            "webhook send orders --env development --input @order.json --header x-topic:orders/create --no-wait",
            "webhook send orders --user ada --delivery 3 --new-id --url http://127.0.0.1:4601 --timeout 5",
            "subscriptions retry",
            "subscriptions resubscribe repository-events",
            "env update production --allow-host 127.0.0.1:8080 --public-url https://a.example",
            "env update production --no-public-url",
            "secrets set GITHUB_TOKEN --env production --from-file token",
            "vars set REPOSITORY octo/hello --env production",
            "config set github client_id --env production",
            "doctor",
            "explain plan-stale",
            "completions zsh",
        ] {
            let line = format!("tidegate {line} --format json --path examples/hello --yes");
            let parsed = Cli::try_parse_from(line.split(' '));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
    }

    #[test]
    fn what_would_be_without_effect_is_refused() {
        for line in [
            "runs replay 7 --original --watch",
            "webhook send orders --input {} --delivery 3",
            "webhook send orders --new-id",
            "webhook send orders --no-wait --timeout 5",
            "webhook send orders --header host:a.example",
            "webhook send orders --header nonsense",
            "webhook send orders --url https://a.example",
        ] {
            let line = format!("tidegate {line}");
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn a_secret_is_never_an_argument() {
        let line = "tidegate secrets set GITHUB_TOKEN hunter2";
        assert!(Cli::try_parse_from(line.split(' ')).is_err());
    }
}
