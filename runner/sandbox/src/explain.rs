//! What wasmtime says about a guest's end, in words for people.

use std::collections::HashMap;
use std::fmt;

use domain::Limits;
use wasmtime::component::ResourceTableError;
use wasmtime::{Error, FrameInfo, PoolConcurrencyLimitError, Trap as Code, WasmBacktrace};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::FieldMapError;

use crate::component::Component;
use crate::failure::{Failure, Limit, Trap};
use crate::run::{bytes, seconds};
use crate::symbols::{RawFrame, Symbols, demangled};

/// How often a function must be among the innermost frames to be called a recursion.
const RECURSION: usize = 24;

/// Texts of errors whose types wasmtime and its crates keep to themselves; a
/// test provokes each.
const HOST_CALL_FUEL: &str = "fuel allocated for hostcalls has been exhausted";
const HANDLE_LIMIT: &str = "store handle limit exceeded";
const RANDOM_LIMIT: &str = "exceeds limit";

/// Ends a guest that has used its CPU time.
#[derive(Debug)]
pub(crate) struct CpuExceeded;

impl fmt::Display for CpuExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the CPU time is used up")
    }
}

impl std::error::Error for CpuExceeded {}

/// What is known beside the error itself.
pub(crate) struct Facts {
    /// `run-action of action greet`.
    pub(crate) subject: String,
    pub(crate) limits: Limits,
    pub(crate) refused_memory: bool,
    pub(crate) refused_tables: bool,
    /// The last lines of standard error, secrets taken out.
    pub(crate) stderr: Vec<String>,
}

/// Returns what an error means.
pub(crate) async fn explain(
    error: &Error,
    facts: &Facts,
    component: &Component,
    symbols: &Symbols,
) -> Failure {
    if let Some((limit, what)) = limit_of(error, facts) {
        return Failure::Limit {
            limit,
            message: format!("{} {what}", facts.subject),
        };
    }
    if let Some(full) = error.downcast_ref::<PoolConcurrencyLimitError>() {
        return Failure::Host {
            message: format!("{} could not start: {full}", facts.subject),
        };
    }
    let raw = raw_frames(error);
    let Some(reason) = reason_of(error, &raw) else {
        return Failure::BadContract {
            message: format!(
                "{} broke the contract: {}",
                facts.subject,
                error.root_cause()
            ),
        };
    };
    Failure::Trap(Trap {
        subject: facts.subject.clone(),
        reason,
        panic: panic_in(&facts.stderr),
        frames: symbols.resolve(component, raw).await,
    })
}

/// Names the operation in failures that do not do so yet.
pub(crate) fn with_subject(failure: Failure, facts: &Facts) -> Failure {
    let subject = &facts.subject;
    match failure {
        Failure::Limit { limit, message } => Failure::Limit {
            limit,
            message: format!("{subject}: {message}"),
        },
        Failure::BadContract { message } => Failure::BadContract {
            message: format!("{subject}: {message}"),
        },
        Failure::Guest { .. } | Failure::Trap(_) | Failure::Host { .. } => failure,
    }
}

/// Returns the limit that an error is about, and what was exceeded.
fn limit_of(error: &Error, facts: &Facts) -> Option<(Limit, String)> {
    let limits = &facts.limits;
    if error.is::<CpuExceeded>() {
        let cpu = seconds(limits.cpu);
        return Some((
            Limit::Cpu,
            format!(
                "was stopped: it used more than {cpu} of CPU time; do less in one operation, or raise the limit"
            ),
        ));
    }
    if let Some(found) = resource_limit_of(error) {
        return Some(found);
    }
    if error.root_cause().to_string().contains(HOST_CALL_FUEL) {
        return Some(if error.is::<WasmBacktrace>() {
            let what =
                "handed more to the host in one call than the host takes; hand it over in parts";
            (Limit::HostCall, what.to_owned())
        } else {
            let returned = bytes(limits.returned);
            (
                Limit::Returned,
                format!("returned more than {returned}; return less, or raise the limit"),
            )
        });
    }
    if facts.refused_memory && may_be_lack_of_memory(error, facts) {
        let memory = bytes(limits.memory);
        return Some((
            Limit::Memory,
            format!("needed more than {memory} of memory; hold less at once, or raise the limit"),
        ));
    }
    if facts.refused_tables && may_be_lack_of_memory(error, facts) {
        let elements = limits.table_elements;
        return Some((
            Limit::Tables,
            format!(
                "needed more than {elements} table elements; it has too many functions, or raise the limit"
            ),
        ));
    }
    None
}

fn resource_limit_of(error: &Error) -> Option<(Limit, String)> {
    let root = error.root_cause().to_string();
    let (limit, what) = if matches!(
        error.downcast_ref::<ResourceTableError>(),
        Some(ResourceTableError::Full)
    ) || root.contains(HANDLE_LIMIT)
    {
        let what = "held too many host objects (streams, requests, timers) at once; drop those that are done with";
        (Limit::Handles, what)
    } else if matches!(
        error.downcast_ref::<FieldMapError>(),
        Some(FieldMapError::TooManyFields | FieldMapError::TotalSizeTooBig)
    ) {
        (
            Limit::Headers,
            "made a set of HTTP header fields that is too large",
        )
    } else if root.starts_with("requested len") && root.contains(RANDOM_LIMIT) {
        (
            Limit::Random,
            "asked for too many random bytes at once; ask for fewer, several times",
        )
    } else {
        return None;
    };
    Some((limit, what.to_owned()))
}

/// Without memory a guest aborts, or never starts; a panic of another kind
/// after growth was refused is its own affair.
fn may_be_lack_of_memory(error: &Error, facts: &Facts) -> bool {
    match error.downcast_ref::<Code>() {
        Some(Code::UnreachableCodeReached) => panic_in(&facts.stderr).is_none_or(|panic| {
            panic.contains("memory allocation") || panic.contains("capacity overflow")
        }),
        Some(_) => false,
        None => !error.is::<WasmBacktrace>() && !error.is::<I32Exit>(),
    }
}

/// Returns what happened to the guest; `None` if it was not the guest that stopped.
fn reason_of(error: &Error, frames: &[RawFrame]) -> Option<String> {
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return Some(format!(
            "it ended its own process with code {code}; an operation ends by returning"
        ));
    }
    let Some(code) = error.downcast_ref::<Code>() else {
        return error
            .is::<WasmBacktrace>()
            .then(|| error.root_cause().to_string());
    };
    if let Code::StackOverflow | Code::MemoryOutOfBounds = code
        && let Some(function) = recursion_in(frames)
    {
        return Some(format!(
            "`{function}` called itself without end, until the stack was full"
        ));
    }
    Some(match code {
        Code::UnreachableCodeReached => "it panicked or aborted".to_owned(),
        Code::StackOverflow => "its stack was full".to_owned(),
        Code::MemoryOutOfBounds => "it accessed memory that it does not have".to_owned(),
        Code::IntegerDivisionByZero => "it divided by zero".to_owned(),
        Code::IntegerOverflow => "an integer overflowed".to_owned(),
        other => {
            let text = other.to_string();
            text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
        }
    })
}

fn raw_frames(error: &Error) -> Vec<RawFrame> {
    let frames = error
        .downcast_ref::<WasmBacktrace>()
        .map(WasmBacktrace::frames)
        .unwrap_or_default();
    frames.iter().map(raw_frame).collect()
}

fn raw_frame(frame: &FrameInfo) -> RawFrame {
    RawFrame {
        function: frame.func_name().map(demangled),
        offset: frame
            .module_offset()
            .and_then(|offset| u64::try_from(offset).ok()),
        identity: frame.func_index(),
    }
}

/// Finds the function that fills the stack.
fn recursion_in(frames: &[RawFrame]) -> Option<String> {
    let mut counts: HashMap<u32, (usize, &RawFrame)> = HashMap::new();
    for frame in frames {
        counts.entry(frame.identity).or_insert((0, frame)).0 += 1;
    }
    let (count, frame) = counts.into_values().max_by_key(|(count, _)| *count)?;
    let name = || {
        frame
            .function
            .clone()
            .unwrap_or_else(|| "a function".to_owned())
    };
    (count >= RECURSION).then(name)
}

/// Finds the last panic among lines of standard error, as Rust writes it:
/// `thread 'main' panicked at src/lib.rs:1:2:` and its message below.
fn panic_in(lines: &[String]) -> Option<String> {
    let start = lines.iter().rposition(|line| line.contains("panicked at "));
    let Some(start) = start else {
        return lines
            .iter()
            .rfind(|line| line.starts_with("memory allocation of "))
            .cloned();
    };
    let (_, place) = lines[start].split_once("panicked at ")?;
    let message: Vec<&str> = lines[start + 1..]
        .iter()
        .map(String::as_str)
        .take_while(|line| !line.starts_with("note: "))
        .filter(|line| !line.is_empty())
        .collect();
    let place = crate::symbols::relative(place.trim_end_matches(':'), None);
    if message.is_empty() {
        return Some(place);
    }
    Some(format!("{} ({place})", message.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_last_panic_is_found_with_its_place_and_its_message() {
        let stderr = lines(
            "starting\n\nthread '<unnamed>' (1) panicked at src/a.rs:1:1:\nfirst\n\
             thread '<unnamed>' (1) panicked at /home/ada/shop/src/inner.rs:10:13:\n\
             quantity must be positive\ngot -3\n\
             note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
        );
        assert_eq!(
            panic_in(&stderr).unwrap(),
            "quantity must be positive\ngot -3 (src/inner.rs:10:13)"
        );
        assert_eq!(panic_in(&lines("all is well")), None);
    }

    #[test]
    fn a_failed_allocation_is_told_from_other_aborts() {
        let stderr = lines("memory allocation of 1048576 bytes failed");
        assert_eq!(
            panic_in(&stderr).unwrap(),
            "memory allocation of 1048576 bytes failed"
        );
    }
}
