//! The components that are measured: real guests, and some that are only large.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const GUEST: &str = "tidegate:project/guest@1.0.0";

/// The parameters of the contract's exports, as core functions have them.
const EXPORTS: [(&str, usize); 9] = [
    ("collect", 0),
    ("run-action", 12),
    ("run-workflow", 12),
    ("subscription-props", 5),
    ("subscribe", 11),
    ("unsubscribe", 13),
    ("refresh", 13),
    ("check", 14),
    ("receive", 1),
];

/// Builds the guest whose settings say how many objects it declares.
///
/// # Errors
/// When it does not build.
pub(crate) fn many() -> Result<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest");
    let program = std::env::current_exe()?;
    let target = program
        .ancestors()
        .nth(2)
        .context("the program lies in a target directory")?
        .join("guests");
    let status = Command::new("cargo")
        .current_dir(&directory)
        .args(["build", "--release", "--quiet", "--locked"])
        .args(["--target", "wasm32-wasip2"])
        .env_clear()
        .envs(harness::tool_variables())
        .env("HOME", std::env::var_os("HOME").unwrap_or_default())
        .env("CARGO_TARGET_DIR", &target)
        .status()
        .context("cargo cannot be started")?;
    ensure!(
        status.success(),
        "the guest with many objects does not build"
    );
    Ok(std::fs::read(
        target.join("wasm32-wasip2/release/many.wasm"),
    )?)
}

/// Makes a component with so many functions that nobody calls, about 1 KiB of machine code each.
///
/// # Errors
/// When it is not a component of the contract.
pub(crate) fn large(functions: usize) -> Result<Vec<u8>> {
    let mut module = wat::parse_str(text(functions))?;
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/wit");
    let (package, _) = resolve.push_path(wit)?;
    let world = resolve.select_world(&[package], Some("project"))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)?;
    ComponentEncoder::default().module(&module)?.encode()
}

fn text(functions: usize) -> String {
    let mut text = String::from("(module (memory (export \"memory\") 1)\n");
    text += "(func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) unreachable)\n";
    for (name, parameters) in EXPORTS {
        let parameters = " i32".repeat(parameters);
        let _ = writeln!(
            text,
            "(func (export \"{GUEST}#{name}\") (param{parameters}) (result i32) unreachable)"
        );
    }
    for function in 0..functions {
        text += &filler(function);
    }
    text + ")"
}

/// A function that mixes its argument with memory, over and over, like no other one.
fn filler(number: usize) -> String {
    let mut text = String::from("(func (param $a i64) (result i64)\n");
    for turn in 0..12_usize {
        let constant = (number * 31 + turn).wrapping_mul(0x9e37_79b9);
        let _ = writeln!(
            text,
            "(i64.store offset={} (i32.wrap_i64 (local.get $a)) (local.tee $a (i64.xor \
             (i64.mul (local.get $a) (i64.const {constant})) \
             (i64.load offset={} (i32.wrap_i64 (local.get $a))))))",
            turn * 8,
            turn * 16
        );
    }
    text + "(local.get $a))\n"
}
