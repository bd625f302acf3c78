//! Which environment variables a build sees.

use std::ffi::{OsStr, OsString};

use tokio::process::Command;

/// What of cargo's own variables says where and how to fetch, and with how many
/// jobs to work, but not how to compile.
const CARGO_KEPT: [&str; 6] = [
    "CARGO_HOME",
    "CARGO_BUILD_JOBS",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
];

/// The environment variables that a build is started with.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    variables: Vec<(OsString, OsString)>,
}

impl Environment {
    /// Takes this process's variables, without those that would change how the guest is compiled.
    ///
    /// When Tidegate itself runs below cargo, cargo's variables describe
    /// Tidegate's build. When a developer's shell sets flags for the host,
    /// they are seldom right for a guest; a project's own are in its
    /// `.cargo/config.toml`, which is read as ever.
    pub(crate) fn of_this_process() -> Self {
        Self::cleaned(std::env::vars_os())
    }

    fn cleaned(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut variables: Vec<_> = variables.collect();
        // Below cargo the toolchain is the one that built Tidegate; otherwise
        // somebody chose it.
        let below_cargo = variables
            .iter()
            .any(|(name, _)| name == "CARGO" || name == "CARGO_MANIFEST_DIR");
        variables.retain(|(name, _)| is_kept(name, below_cargo));
        Self { variables }
    }

    /// Adds a variable, in place of one of the same name.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Gives a command these variables and no others.
    pub(crate) fn apply(&self, command: &mut Command) {
        command
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
    }
}

fn is_kept(name: &OsStr, below_cargo: bool) -> bool {
    // A name that is not UTF-8 is none of those looked for.
    let Some(name) = name.to_str() else {
        return true;
    };
    if CARGO_KEPT
        .iter()
        .any(|kept| name == *kept || (kept.ends_with('_') && name.starts_with(kept)))
    {
        return true;
    }
    let is_cargos = name == "CARGO" || name.starts_with("CARGO_") || name.starts_with("__CARGO");
    let is_rustcs = name.starts_with("RUSTC")
        || matches!(
            name,
            "RUSTFLAGS" | "RUSTDOC" | "RUSTDOCFLAGS" | "RUST_RECURSION_COUNT"
        );
    // Tidegate's own settings may be credentials, which are none of the guest's business.
    let is_ours = name.starts_with("TIDEGATE_");
    let is_toolchain = below_cargo && name == "RUSTUP_TOOLCHAIN";
    !(is_cargos || is_rustcs || is_ours || is_toolchain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[&str], expected: &[&str]) {
        let cleaned = Environment::cleaned(
            given
                .iter()
                .map(|name| (OsString::from(name), OsString::from("x"))),
        );
        let names: Vec<_> = cleaned.variables.iter().map(|(name, _)| name).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn what_says_how_to_compile_is_taken_out_and_what_says_how_to_fetch_stays() {
        check(
            &[
                "PATH",
                "HOME",
                "CARGO_HOME",
                "RUSTUP_HOME",
                "CARGO_NET_OFFLINE",
                "CARGO_HTTP_CAINFO",
                "CARGO_REGISTRIES_OURS_TOKEN",
                "CARGO_REGISTRY_DEFAULT",
                "CARGO_BUILD_JOBS",
                "HTTPS_PROXY",
                "https_proxy",
                "SSL_CERT_FILE",
                "CARGOES",
            ],
            &[
                "PATH",
                "HOME",
                "CARGO_HOME",
                "RUSTUP_HOME",
                "CARGO_NET_OFFLINE",
                "CARGO_HTTP_CAINFO",
                "CARGO_REGISTRIES_OURS_TOKEN",
                "CARGO_REGISTRY_DEFAULT",
                "CARGO_BUILD_JOBS",
                "HTTPS_PROXY",
                "https_proxy",
                "SSL_CERT_FILE",
                "CARGOES",
            ],
        );
        check(
            &[
                "CARGO_TARGET_DIR",
                "CARGO_BUILD_TARGET",
                "CARGO_BUILD_RUSTFLAGS",
                "CARGO_ENCODED_RUSTFLAGS",
                "CARGO_PROFILE_RELEASE_LTO",
                "CARGO_INCREMENTAL",
                "CARGO_PKG_NAME",
                "__CARGO_FIX_PLZ",
                "RUSTFLAGS",
                "RUSTC",
                "RUSTC_WRAPPER",
                "RUSTC_BOOTSTRAP",
                "RUSTDOCFLAGS",
                "TIDEGATE_TOKEN",
            ],
            &[],
        );
    }

    #[test]
    fn a_chosen_toolchain_stays_and_that_of_an_outer_cargo_does_not() {
        check(&["RUSTUP_TOOLCHAIN", "PATH"], &["RUSTUP_TOOLCHAIN", "PATH"]);
        check(&["RUSTUP_TOOLCHAIN", "PATH", "CARGO"], &["PATH"]);
        check(&["CARGO_MANIFEST_DIR", "RUSTUP_TOOLCHAIN"], &[]);
    }
}
