//! Who may use whom, and under which licences.
//!
//! The arrows between the crates of `runner/`, the one crate that each large
//! dependency belongs to, and the licences that are accepted are data here;
//! pure functions compare cargo's metadata with them.

use std::env;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// The crates of `runner/` by their folder, each with those it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("cli", &["server", "watch", "engine", "domain"]),
    ("server", &["engine", "domain"]),
    ("watch", &["engine", "domain"]),
    ("engine", &["store", "sandbox", "domain"]),
    ("sandbox", &["domain"]),
    ("store", &["domain"]),
    ("domain", &[]),
];

/// Dependencies that one crate of `runner/` alone may have; a `*` stands for any ending.
const OWNED: &[(&str, &str)] = &[
    ("wasmtime*", "sandbox"),
    ("rusqlite", "store"),
    ("libsqlite3-sys", "store"),
    ("axum*", "server"),
    ("notify*", "watch"),
    ("clap*", "cli"),
];

/// Licences, and exceptions to them, that ask for no more than their notice.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Asks cargo about the workspace, without a network.
fn metadata(flags: &[&str]) -> Result<Value, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(flags)
        .output()
        .expect("cargo starts");
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).expect("cargo prints JSON"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The workspace's own packages; this needs no dependency to be on the machine.
fn workspace() -> Value {
    metadata(&["--no-deps"]).expect("cargo knows the workspace")
}

/// Every package that the workspace is built from: on all platforms where
/// `cargo fetch` has brought them here, else on this one.
fn everything() -> Value {
    metadata(&[]).unwrap_or_else(|_| {
        metadata(&["--filter-platform", &host()]).unwrap_or_else(|error| {
            panic!("dependencies are missing, `cargo fetch --locked` brings them: {error}")
        })
    })
}

/// The platform that cargo builds for here.
fn host() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .arg("-vV")
        .output()
        .expect("rustc starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("rustc names its host")
        .to_owned()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The folder in `runner/` that holds the package of a manifest or directory.
fn crate_of<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    let inside = Path::new(path).strip_prefix(root).ok()?;
    let mut parts = inside.iter().map(|part| part.to_str().unwrap_or_default());
    (parts.next() == Some("runner"))
        .then(|| parts.next())
        .flatten()
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

/// Lists every edge that the rules do not allow; what only tests use does not count.
fn wrong_edges(metadata: &Value) -> Vec<String> {
    let root = text(metadata, "workspace_root");
    let mut wrong = Vec::new();
    for package in list(metadata, "packages") {
        let Some(from) = crate_of(text(package, "manifest_path"), root) else {
            continue;
        };
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == from) else {
            wrong.push(format!("runner/{from} has no place in the layers"));
            continue;
        };
        for dependency in list(package, "dependencies") {
            if text(dependency, "kind") != "dev" {
                wrong.extend(wrong_edge(from, allowed, dependency, root));
            }
        }
    }
    wrong
}

fn wrong_edge(from: &str, allowed: &[&str], dependency: &Value, root: &str) -> Option<String> {
    let name = text(dependency, "name");
    if let Some(path) = dependency["path"].as_str() {
        let to = crate_of(path, root);
        return (!to.is_some_and(|to| allowed.contains(&to))).then(|| {
            format!(
                "{from} must not use {}",
                to.unwrap_or_else(|| text(dependency, "name"))
            )
        });
    }
    let (_, owner) = OWNED.iter().find(|(pattern, _)| fits(pattern, name))?;
    (*owner != from).then(|| format!("{from} must not use {name}, which belongs to {owner}"))
}

/// Names the programs that `cargo run` could mean.
fn default_programs(metadata: &Value) -> Vec<&str> {
    let default = list(metadata, "workspace_default_members");
    list(metadata, "packages")
        .iter()
        .filter(|package| default.contains(&package["id"]))
        .flat_map(|package| list(package, "targets"))
        .filter(|target| list(target, "kind").contains(&json!("bin")))
        .map(|target| text(target, "name"))
        .collect()
}

/// Lists the packages that come under a licence which is not accepted, or under none.
fn refused_licences(metadata: &Value) -> Vec<String> {
    list(metadata, "packages")
        .iter()
        .filter(|package| !is_accepted(text(package, "license")))
        .map(|package| format!("{}: `{}`", text(package, "name"), text(package, "license")))
        .collect()
}

/// Returns whether a licence expression can be met with accepted licences alone.
fn is_accepted(expression: &str) -> bool {
    // Older packages write `/` for `OR`.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any(&mut rest) == Some(true) && rest.is_empty()
}

/// Reads `A OR B …`; `None` where the expression is malformed.
fn any(words: &mut &[&str]) -> Option<bool> {
    let mut accepted = all(words)?;
    while take(words, "OR") {
        accepted |= all(words)?;
    }
    Some(accepted)
}

/// Reads `A AND B …`, which binds closer than `OR`.
fn all(words: &mut &[&str]) -> Option<bool> {
    let mut accepted = one(words)?;
    while take(words, "AND") {
        accepted &= one(words)?;
    }
    Some(accepted)
}

/// Reads a licence, with its exception where it has one, or a group in brackets.
fn one(words: &mut &[&str]) -> Option<bool> {
    if take(words, "(") {
        let accepted = any(words)?;
        return take(words, ")").then_some(accepted);
    }
    let name = next(words)?;
    if ["OR", "AND", "WITH", ")"].contains(&name) {
        return None;
    }
    if take(words, "WITH") {
        let exception = next(words)?;
        return Some(LICENCES.contains(&format!("{name} WITH {exception}").as_str()));
    }
    Some(LICENCES.contains(&name))
}

fn take(words: &mut &[&str], expected: &str) -> bool {
    let there = words.first() == Some(&expected);
    if there {
        *words = &words[1..];
    }
    there
}

fn next<'a>(words: &mut &[&'a str]) -> Option<&'a str> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    Some(first)
}

#[test]
fn the_crates_use_each_other_only_along_the_allowed_arrows() {
    assert_eq!(wrong_edges(&workspace()), Vec::<String>::new());
}

#[test]
fn cargo_run_means_one_program() {
    assert_eq!(default_programs(&workspace()), ["tidegate"]);
}

#[test]
fn every_dependency_comes_under_an_accepted_licence() {
    let metadata = everything();
    assert!(list(&metadata, "packages").len() > 100, "cargo told little");
    assert_eq!(refused_licences(&metadata), Vec::<String>::new());
}

/// The metadata of a workspace in which one crate of `runner/` has one dependency.
fn planted(from: &str, dependency: &Value) -> Value {
    json!({
        "workspace_root": "/w",
        "packages": [{
            "name": from,
            "license": "GPL-3.0-only",
            "manifest_path": format!("/w/runner/{from}/Cargo.toml"),
            "dependencies": [dependency],
        }],
    })
}

fn check(from: &str, dependency: &Value, wrong: &[&str]) {
    assert_eq!(wrong_edges(&planted(from, dependency)), wrong, "{from}");
}

#[test]
fn a_planted_wrong_edge_is_found() {
    let ours = |name: &str| json!({ "name": name, "path": format!("/w/runner/{name}") });
    check("engine", &ours("store"), &[]);
    check("domain", &ours("store"), &["domain must not use store"]);
    check("store", &ours("sandbox"), &["store must not use sandbox"]);
    check("cli", &ours("store"), &["cli must not use store"]);
    let sdk = json!({ "name": "tidegate-sdk", "path": "/w/guest-sdk" });
    check("engine", &sdk, &["engine must not use tidegate-sdk"]);
    let other = &["runner/other has no place in the layers"];
    check("other", &json!({ "name": "serde" }), other);
}

#[test]
fn a_planted_dependency_in_the_wrong_crate_is_found() {
    let engine = "engine must not use wasmtime-wasi, which belongs to sandbox";
    check("engine", &json!({ "name": "wasmtime-wasi" }), &[engine]);
    let domain = "domain must not use rusqlite, which belongs to store";
    check("domain", &json!({ "name": "rusqlite" }), &[domain]);
    let build = json!({ "name": "clap_complete", "kind": "build" });
    let watch = "watch must not use clap_complete, which belongs to cli";
    check("watch", &build, &[watch]);
    check("store", &json!({ "name": "rusqlite" }), &[]);
    check("cli", &json!({ "name": "rusqlite", "kind": "dev" }), &[]);
}

#[test]
fn a_planted_second_program_is_found() {
    let package =
        |id: &str, kind: &str| json!({ "id": id, "targets": [{ "name": id, "kind": [kind] }] });
    let packages = [
        package("a", "bin"),
        package("b", "bin"),
        package("c", "lib"),
        package("d", "bin"),
    ];
    let metadata = json!({ "packages": packages, "workspace_default_members": ["a", "b", "c"] });
    assert_eq!(default_programs(&metadata), ["a", "b"]);
}

#[test]
fn a_planted_licence_that_asks_for_more_is_found() {
    let metadata = planted("engine", &json!({ "name": "serde" }));
    assert_eq!(refused_licences(&metadata), ["engine: `GPL-3.0-only`"]);
    for accepted in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0-only OR MIT",
        "(MIT OR GPL-3.0-only) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
    ] {
        assert!(is_accepted(accepted), "{accepted}");
    }
    for refused in [
        "",
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "MIT OR",
        "MIT Apache-2.0",
        "(MIT",
        "MIT WITH some-exception",
        "AND MIT",
    ] {
        assert!(!is_accepted(refused), "{refused}");
    }
}
