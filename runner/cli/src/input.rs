//! What people and pipes give a command.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::Path;

use domain::Secret;
use engine::Code;
use serde_json::Value;

use crate::context::Context;
use crate::error::CliError;

/// The most bytes that are read as a value or an input.
const MOST: u64 = 16 * 1024 * 1024;

/// Gets a value that is never an argument: from a file, a prompt or standard input.
///
/// One line break at the end is not part of the value.
pub(crate) fn secret(
    context: &Context,
    what: &str,
    file: Option<&Path>,
) -> Result<Secret, CliError> {
    let text = match file {
        Some(file) => read_file(Code::UsageInvalid, file)?,
        None if !io::stdin().is_terminal() => read_stdin(Code::UsageInvalid)?,
        None if context.may_ask() => prompt(what)?,
        None => return Err(value_needed(what)),
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(value_needed(what));
    }
    Ok(Secret::new(text))
}

/// Reads an action's input: JSON, `@file` or `-`.
pub(crate) fn action_input(given: &str) -> Result<Value, CliError> {
    let text = match given.strip_prefix('@') {
        Some(file) => read_file(Code::InputInvalid, Path::new(file))?,
        None if given == "-" => read_stdin(Code::InputInvalid)?,
        None => given.to_owned(),
    };
    serde_json::from_str(&text).map_err(|error| {
        CliError::because(Code::InputInvalid, "the input is not JSON", &error)
            .hint("give JSON, `@FILE`, or `-` for standard input")
    })
}

/// Reads what is to be sent as it is: JSON from the argument, or the bytes of `@file` or `-`.
pub(crate) fn payload(given: &str) -> Result<Vec<u8>, CliError> {
    let code = Code::InputInvalid;
    match given.strip_prefix('@') {
        Some(file) => {
            let open = std::fs::File::open(file);
            bytes(
                code,
                open.map_err(|error| unreadable(code, file, &error))?,
                file,
            )
        }
        None if given == "-" => bytes(code, io::stdin().lock(), "standard input"),
        None => {
            // What somebody typed is checked; what came from elsewhere may be anything.
            action_input(given)?;
            Ok(given.as_bytes().to_vec())
        }
    }
}

/// Asks a question that is answered with yes or no; no is the default.
pub(crate) fn confirm(context: &Context, question: &str) -> Result<bool, CliError> {
    context.shell.still();
    context.shell.note(format_args!("{question} [y/N]"));
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| unreadable(Code::UsageInvalid, "standard input", &error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
}

fn prompt(what: &str) -> Result<String, CliError> {
    rpassword::prompt_password(format!("{what}: ")).map_err(|error| {
        CliError::because(Code::InputNeeded, format!("{what} was not entered"), &error)
            .hint("pipe the value in, or use `--from-file FILE`")
    })
}

fn value_needed(what: &str) -> CliError {
    CliError::new(
        Code::InputNeeded,
        format!("{what} needs a value, and got none"),
    )
    .hint("pipe the value in, or use `--from-file FILE`")
}

fn read_file(code: Code, file: &Path) -> Result<String, CliError> {
    let shown = file.display().to_string();
    let file = std::fs::File::open(file).map_err(|error| unreadable(code, &shown, &error))?;
    read(code, file, &shown)
}

fn read_stdin(code: Code) -> Result<String, CliError> {
    read(code, io::stdin().lock(), "standard input")
}

fn read(code: Code, source: impl io::Read, shown: &str) -> Result<String, CliError> {
    String::from_utf8(bytes(code, source, shown)?).map_err(|error| {
        let error = io::Error::new(io::ErrorKind::InvalidData, error);
        unreadable(code, shown, &error)
    })
}

fn bytes(code: Code, source: impl io::Read, shown: &str) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let read = source.take(MOST + 1).read_to_end(&mut bytes);
    let size = read.map_err(|error| unreadable(code, shown, &error))?;
    if size as u64 > MOST {
        let message = format!("{shown} has more than {} MiB", MOST / (1024 * 1024));
        return Err(CliError::new(code, message));
    }
    Ok(bytes)
}

fn unreadable(code: Code, what: &str, error: &io::Error) -> CliError {
    CliError::because(code, format!("{what} cannot be read"), error)
}

#[cfg(test)]
mod tests {
    use super::{action_input, payload};

    #[test]
    fn input_comes_from_the_argument_or_a_file() {
        assert_eq!(action_input(r#"{"a": 1}"#).unwrap()["a"], 1);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("input.json");
        std::fs::write(&file, "[1, 2]").unwrap();
        let given = format!("@{}", file.display());
        assert_eq!(action_input(&given).unwrap()[1], 2);
    }

    #[test]
    fn input_that_is_not_json_is_refused_with_the_place() {
        let error = action_input("{name: 1}").unwrap_err();
        assert_eq!(error.code().as_str(), "input-invalid");
        assert!(error.message().contains("line 1"), "{}", error.message());
    }

    #[test]
    fn a_payload_is_taken_byte_for_byte_and_what_is_typed_has_to_be_json() {
        assert_eq!(payload("{ \"a\" :1}").unwrap(), b"{ \"a\" :1}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("payload");
        std::fs::write(&file, b"\xff=1\r\n").unwrap();
        let given = format!("@{}", file.display());
        assert_eq!(payload(&given).unwrap(), b"\xff=1\r\n");
        let error = payload("payload.json").unwrap_err();
        assert_eq!(error.code().as_str(), "input-invalid");
    }
}
