//! Black-box tests: the real program, real guests, and a provider that counts.
//!
//! Nothing here knows more of Tidegate than its command line.

mod author;
mod bad_input;
mod collect_limits;
mod determinism;
mod dev;
mod door;
mod examples;
mod exit_codes;
mod failures;
mod github;
mod interrupts;
mod kills;
mod layers;
mod lost_answers;
mod objects;
mod operation_limits;
mod other_languages;
mod owners;
mod ownership;
mod secrets;
mod storage;
mod streams;
mod templates;
mod terminal;
mod values;
