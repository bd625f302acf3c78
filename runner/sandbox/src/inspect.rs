//! What can be told of an artifact before it is compiled.

use semver::Version;
use wasmparser::{Encoding, Parser, Payload};

use crate::bindings::CONTRACT;

/// The interface that every project exports.
const GUEST: &str = "tidegate:project/guest";

/// The packages of WASI that are offered.
const WASI: [&str; 7] = [
    "io",
    "clocks",
    "random",
    "cli",
    "filesystem",
    "sockets",
    "http",
];

/// Says why an artifact is not a component that can run here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is no WebAssembly at all.
    #[error("the file is not WebAssembly; `tidegate` needs a component, built for wasm32-wasip2")]
    NotWasm,
    /// It is a core module.
    #[error(
        "the file is a core WebAssembly module, not a component; build it for wasm32-wasip2, \
         or make a component of it with `wasm-tools component new`"
    )]
    CoreModule,
    /// It breaks off, or is damaged.
    #[error("the component is truncated or damaged: {0}")]
    Damaged(String),
    /// It does not implement the contract.
    #[error(
        "the component does not export {GUEST}; build it with the Tidegate SDK, or against \
         the WIT of tidegate:project@{CONTRACT}"
    )]
    NoContract,
    /// It implements another version of the contract.
    #[error(
        "the component was built for tidegate:project@{found}, and this Tidegate supports \
         tidegate:project@{CONTRACT}; build it with an SDK for {CONTRACT}, or use a Tidegate \
         that supports {found}"
    )]
    OtherContract {
        /// The version that it was built for, as it stands there.
        found: String,
    },
    /// It imports what the host does not offer.
    #[error(
        "the component imports what Tidegate does not offer: {}; offered are tidegate:project \
         and WASI 0.2", .0.join(", ")
    )]
    Imports(Vec<String>),
}

/// Checks an artifact's form, its contract and the names of its imports.
pub(crate) fn inspect(bytes: &[u8]) -> Result<(), Unfit> {
    if !bytes.starts_with(b"\0asm") {
        return Err(Unfit::NotWasm);
    }
    let outline = outline(bytes)?;
    check_contract(&outline.exports)?;
    let foreign: Vec<String> = outline
        .imports
        .into_iter()
        .filter(|name| !is_offered(name))
        .collect();
    if foreign.is_empty() {
        Ok(())
    } else {
        Err(Unfit::Imports(foreign))
    }
}

#[derive(Default)]
struct Outline {
    imports: Vec<String>,
    exports: Vec<String>,
}

/// Reads the names at the outermost level, and everything else to its end.
fn outline(bytes: &[u8]) -> Result<Outline, Unfit> {
    let damaged = |error: wasmparser::BinaryReaderError| Unfit::Damaged(error.to_string());
    let mut outline = Outline::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(damaged)? {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => return Err(Unfit::CoreModule),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let name = import.map_err(damaged)?.name.full_name().into_owned();
                    outline.imports.push(name);
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let name = export.map_err(damaged)?.name.full_name().into_owned();
                    outline.exports.push(name);
                }
            }
            _ => {}
        }
    }
    Ok(outline)
}

fn check_contract(exports: &[String]) -> Result<(), Unfit> {
    let mut other = None;
    for name in exports {
        match name.split_once('@') {
            Some((GUEST, version)) if is_supported(version) => return Ok(()),
            Some((GUEST, version)) => other = Some(version.to_owned()),
            None if name == GUEST => other = Some("(no version)".to_owned()),
            Some(_) | None => {}
        }
    }
    Err(match other {
        Some(found) => Unfit::OtherContract { found },
        None => Unfit::NoContract,
    })
}

/// A guest built for an older minor version runs on a newer one, not the other way round.
fn is_supported(version: &str) -> bool {
    version.parse::<Version>().is_ok_and(|version| {
        let newest_patch = Version {
            patch: u64::MAX,
            ..CONTRACT
        };
        version.pre.is_empty() && version.major == CONTRACT.major && version <= newest_patch
    })
}

fn is_offered(name: &str) -> bool {
    let Some((interface, version)) = name.split_once('@') else {
        return false;
    };
    if interface.starts_with("tidegate:project/") {
        return is_supported(version);
    }
    let is_wasi_0_2 = version
        .parse::<Version>()
        .is_ok_and(|version| version.pre.is_empty() && version.major == 0 && version.minor == 2);
    let package = interface
        .strip_prefix("wasi:")
        .and_then(|rest| rest.split_once('/'))
        .map(|(package, _)| package);
    is_wasi_0_2 && package.is_some_and(|package| WASI.contains(&package))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(text: &str) -> Vec<u8> {
        wat::parse_str(format!("(component {text})")).unwrap()
    }

    fn guest(version: &str) -> String {
        format!("(instance $i) (export \"tidegate:project/guest{version}\" (instance $i))")
    }

    #[test]
    fn what_is_no_component_of_this_contract_is_refused_with_its_reason() {
        let whole = component(&guest("@1.0.0"));
        let cut = whole[..whole.len() - 1].to_vec();
        for (bytes, expected) in [
            (b"#!/bin/sh".to_vec(), "not WebAssembly"),
            (Vec::new(), "not WebAssembly"),
            (
                wat::parse_str("(module)").unwrap(),
                "core WebAssembly module",
            ),
            (cut, "truncated or damaged"),
            (component(""), "does not export tidegate:project/guest"),
            (component(&guest("@2.0.0")), "tidegate:project@2.0.0"),
            (
                component(&guest("@1.1.0")),
                "supports tidegate:project@1.0.0",
            ),
            (component(&guest("")), "(no version)"),
        ] {
            let error = inspect(&bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(inspect(&whole), Ok(()));
        assert_eq!(inspect(&component(&guest("@1.0.7"))), Ok(()));
    }

    #[test]
    fn imports_that_are_not_offered_are_all_named() {
        let import = |name: &str| format!("(import \"{name}\" (instance))");
        let offered: String = [
            "wasi:io/streams@0.2.6",
            "wasi:http/outgoing-handler@0.2.12",
            "tidegate:project/log@1.0.0",
        ]
        .map(import)
        .concat();
        assert_eq!(
            inspect(&component(&(offered.clone() + &guest("@1.0.0")))),
            Ok(())
        );
        let foreign = [
            "acme:db/query@1.0.0",
            "wasi:keyvalue/store@0.2.0",
            "wasi:http/handler@0.3.0",
            "tidegate:project/log@1.1.0",
            "env",
        ];
        let text = offered + &foreign.map(import).concat() + &guest("@1.0.0");
        let names = foreign.map(str::to_owned).to_vec();
        assert_eq!(inspect(&component(&text)), Err(Unfit::Imports(names)));
    }

    #[test]
    fn only_the_outermost_level_counts() {
        let nested = format!("(component (component {}))", guest("@1.0.0"));
        let bytes = wat::parse_str(nested).unwrap();
        assert_eq!(inspect(&bytes), Err(Unfit::NoContract));
    }
}
