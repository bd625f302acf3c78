//! Embeds what `tidegate new` unpacks: the guest SDK and a lock file for new projects.
//!
//! The lock file is cut out of this workspace's own, so that a new project is
//! built with the very versions that the program's SDK was tested with.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use toml::{Table, Value};

/// What of the SDK's folder a project needs to build with it.
const PARTS: [&str; 6] = [
    "Cargo.toml",
    "README.md",
    "src",
    "wit",
    "macros/Cargo.toml",
    "macros/src",
];

/// The crates that the templates name beside the SDK.
const DIRECT: [&str; 4] = ["schemars", "serde", "serde_json", "tidegate-sdk"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("sdk.rs"), sdk_files(&root.join("guest-sdk"))?)?;
    fs::write(out.join("Cargo.lock"), lock(&root)?)?;
    Ok(())
}

/// Writes the SDK's files as Rust source: a slice of path and content.
fn sdk_files(sdk: &Path) -> Result<String, Box<dyn Error>> {
    let mut files = Vec::new();
    for part in PARTS {
        let path = sdk.join(part);
        watch(&path);
        gather(&path, &mut files)?;
    }
    files.sort();
    let mut source = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(sdk)?.display().to_string();
        let content = fs::canonicalize(&file)?.display().to_string();
        writeln!(source, "    ({name:?}, include_str!({content:?})),")?;
    }
    source.push(']');
    Ok(source)
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    if path.is_file() {
        files.push(path.to_owned());
    } else if path.is_dir() {
        for entry in fs::read_dir(path)? {
            gather(&entry?.path(), files)?;
        }
    }
    Ok(())
}

/// Cuts the lock file of a project with the SDK out of the workspace's.
fn lock(root: &Path) -> Result<String, Box<dyn Error>> {
    let path = root.join("Cargo.lock");
    watch(&path);
    let lock: Table = fs::read_to_string(path)?.parse()?;
    let packages = packages(&lock);
    let mut wanted: Vec<(String, Option<String>)> = DIRECT
        .iter()
        .map(|name| ((*name).to_owned(), None))
        .collect();
    let mut kept: BTreeMap<(String, String), Table> = BTreeMap::new();
    while let Some((name, version)) = wanted.pop() {
        let mut package = find(&packages, &name, version.as_deref())?.clone();
        let id = (name.clone(), text(&package, "version")?);
        if kept.contains_key(&id) {
            continue;
        }
        drop_test_dependencies(root, &mut package)?;
        for dependency in dependencies(&package) {
            let mut words = dependency.split(' ');
            let name = words.next().unwrap_or_default().to_owned();
            wanted.push((name, words.next().map(str::to_owned)));
        }
        kept.insert(id, package);
    }
    render(&kept)
}

fn packages(lock: &Table) -> Vec<Table> {
    let packages = lock.get("package").and_then(Value::as_array);
    let tables = packages.into_iter().flatten().filter_map(Value::as_table);
    tables.cloned().collect()
}

fn find<'a>(
    packages: &'a [Table],
    name: &str,
    version: Option<&str>,
) -> Result<&'a Table, Box<dyn Error>> {
    let is = |package: &&Table, key: &str, wanted: &str| {
        package.get(key).and_then(Value::as_str) == Some(wanted)
    };
    packages
        .iter()
        .filter(|package| is(package, "name", name))
        .find(|package| version.is_none_or(|version| is(package, "version", version)))
        .ok_or_else(|| format!("the workspace's Cargo.lock has no {name}").into())
}

/// Takes out of a package of this repository what only its tests need: a
/// dependency's tests are not built.
fn drop_test_dependencies(root: &Path, package: &mut Table) -> Result<(), Box<dyn Error>> {
    let folder = match text(package, "name")?.as_str() {
        "tidegate-sdk" => "guest-sdk",
        "tidegate-sdk-macros" => "guest-sdk/macros",
        _ => return Ok(()),
    };
    let manifest: Table = fs::read_to_string(root.join(folder).join("Cargo.toml"))?.parse()?;
    let names = |table: Option<&Value>| -> BTreeSet<String> {
        let table = table.and_then(Value::as_table);
        table
            .into_iter()
            .flat_map(|table| table.keys().cloned())
            .collect()
    };
    let mut needed = names(manifest.get("dependencies"));
    if let Some(targets) = manifest.get("target").and_then(Value::as_table) {
        for target in targets.values() {
            needed.extend(names(target.get("dependencies")));
        }
    }
    let kept: Vec<Value> = dependencies(package)
        .into_iter()
        .filter(|dependency| {
            let name = dependency.split(' ').next().unwrap_or_default();
            needed.contains(name)
        })
        .map(Value::from)
        .collect();
    package.insert("dependencies".to_owned(), Value::Array(kept));
    Ok(())
}

fn dependencies(package: &Table) -> Vec<String> {
    let list = package.get("dependencies").and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn text(package: &Table, key: &str) -> Result<String, Box<dyn Error>> {
    let value = package.get(key).and_then(Value::as_str);
    value
        .map(str::to_owned)
        .ok_or_else(|| format!("a package has no {key}").into())
}

/// Writes the packages as cargo does. The project's own stands where `@PROJECT@` is.
fn render(packages: &BTreeMap<(String, String), Table>) -> Result<String, Box<dyn Error>> {
    let several = |name: &str| packages.keys().filter(|(other, _)| other == name).count() > 1;
    let mut out = String::from(
        "# This file is automatically @generated by Cargo.\n\
         # It is not intended for manual editing.\n\
         version = 4\n\n@PROJECT@",
    );
    for ((name, version), package) in packages {
        write!(
            out,
            "\n[[package]]\nname = {name:?}\nversion = {version:?}\n"
        )?;
        for key in ["source", "checksum"] {
            if let Ok(value) = text(package, key) {
                writeln!(out, "{key} = {value:?}")?;
            }
        }
        let mut names: Vec<String> = dependencies(package)
            .into_iter()
            .map(|dependency| match dependency.split_once(' ') {
                Some((name, _)) if !several(name) => name.to_owned(),
                _ => dependency,
            })
            .collect();
        names.sort();
        if !names.is_empty() {
            out.push_str("dependencies = [\n");
            for name in names {
                writeln!(out, " {name:?},")?;
            }
            out.push_str("]\n");
        }
    }
    Ok(out)
}

fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}
