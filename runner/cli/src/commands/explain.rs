//! `tidegate explain`: what an error's code means and what to do.

use clap::Args;
use engine::Code;
use serde_json::{Value, json};

use super::Outcome;
use crate::context::Context;
use crate::document::{document, items};
use crate::error::CliError;
use crate::outcome::Ending;
use crate::text::Table;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The code, as it stands in brackets after `error` [default: all]
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Outcome {
    match &arguments.code {
        Some(name) => {
            let code = Code::from_name(name).ok_or_else(|| unknown(name))?;
            context.shell.document(&document("code", &fields(code)));
            context.shell.data(format_args!(
                "{code} (exit code {})\n\n{}",
                code.exit() as u8,
                code.explanation()
            ));
        }
        None => {
            let codes: Vec<Value> = Code::ALL.into_iter().map(fields).collect();
            context.shell.document(&items("codes", &codes));
            let mut table = Table::new(["CODE", "EXIT"]);
            for code in Code::ALL {
                table.row([code.to_string(), (code.exit() as u8).to_string()]);
            }
            context.shell.data(table.render("there are no codes"));
        }
    }
    Ok(Ending::Done)
}

fn fields(code: Code) -> Value {
    json!({
        "code": code.as_str(),
        "exit_code": code.exit() as u8,
        "explanation": code.explanation(),
    })
}

fn unknown(name: &str) -> CliError {
    let error = CliError::usage(format!(
        "there is no code `{}`",
        crate::text::clip(name, 64)
    ));
    let nearest = Code::ALL
        .into_iter()
        .max_by(|a, b| {
            let likeness = |code: &Code| strsim::jaro_winkler(code.as_str(), name);
            likeness(a).total_cmp(&likeness(b))
        })
        .filter(|code| strsim::jaro_winkler(code.as_str(), name) > 0.8);
    match nearest {
        Some(code) => error.hint(format!("did you mean `{code}`?")),
        None => error.hint("`tidegate explain` lists all codes"),
    }
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn a_misspelt_code_is_answered_with_the_nearest() {
        assert_eq!(unknown("plan-stal").hints(), ["did you mean `plan-stale`?"]);
        assert_eq!(
            unknown("xyzzy").hints(),
            ["`tidegate explain` lists all codes"]
        );
    }
}
