//! What a new project is made of.

use clap::ValueEnum;
use domain::ProjectName;

/// The SDK's files that a project builds with, by their paths in its folder.
const SDK: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// The lock file of a new project; its own package goes where the mark is.
const LOCK: &str = include_str!(concat!(env!("OUT_DIR"), "/Cargo.lock"));

/// Where the SDK stands in a project.
const SDK_FOLDER: &str = "vendor/tidegate-sdk";

/// Names that cargo does not take for a package, or that a dependency has.
const TAKEN: [&str; 12] = [
    "alloc",
    "build",
    "con",
    "core",
    "deps",
    "examples",
    "nul",
    "proc_macro",
    "proc-macro",
    "self",
    "std",
    "test",
];

/// A template of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Template {
    /// One action
    #[default]
    Hello,
    /// A webhook that subscribes by itself, and a workflow that it triggers
    Webhook,
    /// An integration with settings of each user, an action and a workflow on a schedule
    Integration,
}

impl Template {
    /// Returns source, tests and readme.
    const fn files(self) -> [(&'static str, &'static str); 3] {
        match self {
            Self::Hello => [
                ("src/lib.rs", include_str!("../templates/hello/lib.rs")),
                (
                    "tests/project.rs",
                    include_str!("../templates/hello/test.rs"),
                ),
                ("README.md", include_str!("../templates/hello/README.md")),
            ],
            Self::Webhook => [
                ("src/lib.rs", include_str!("../templates/webhook/lib.rs")),
                (
                    "src/tests.rs",
                    include_str!("../templates/webhook/tests.rs"),
                ),
                ("README.md", include_str!("../templates/webhook/README.md")),
            ],
            Self::Integration => [
                (
                    "src/lib.rs",
                    include_str!("../templates/integration/lib.rs"),
                ),
                (
                    "src/tests.rs",
                    include_str!("../templates/integration/tests.rs"),
                ),
                (
                    "README.md",
                    include_str!("../templates/integration/README.md"),
                ),
            ],
        }
    }

    /// Returns every file of a new project: its path in the project, and its content.
    pub(crate) fn project(self, name: &ProjectName) -> Vec<(String, String)> {
        let package = package_name(name);
        let filled = |text: &str| {
            text.replace("@NAME@", name.as_str())
                .replace("@PACKAGE@", &package)
                .replace("@CRATE@", &package.replace('-', "_"))
        };
        let own = [
            ("Cargo.toml", include_str!("../templates/Cargo.toml.in")),
            (
                "tidegate.toml",
                include_str!("../templates/tidegate.toml.in"),
            ),
            (".gitignore", include_str!("../templates/gitignore")),
        ];
        let mut files: Vec<(String, String)> = own
            .into_iter()
            .chain(self.files())
            .map(|(path, text)| (path.to_owned(), filled(text)))
            .collect();
        files.push(("Cargo.lock".to_owned(), lock(&package)));
        files.extend(
            SDK.iter()
                .map(|(path, text)| (format!("{SDK_FOLDER}/{path}"), (*text).to_owned())),
        );
        files
    }
}

/// Returns the name of the package in a project, which cargo is stricter about.
fn package_name(name: &ProjectName) -> String {
    let name = name.as_str().to_ascii_lowercase();
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let name = if begins_well {
        name
    } else {
        format!("project-{name}")
    };
    let line = format!("name = \"{name}\"\n");
    if TAKEN.contains(&name.as_str()) || is_keyword(&name) || LOCK.contains(&line) {
        format!("{name}-project")
    } else {
        name
    }
}

fn is_keyword(name: &str) -> bool {
    const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn \
        else enum extern false final fn for gen if impl in let loop macro match mod move mut \
        override priv pub ref return self static struct super trait true try type typeof unsafe \
        unsized use virtual where while yield";
    KEYWORDS.split_whitespace().any(|keyword| keyword == name)
}

/// Puts the project's own package into the lock file, where cargo would.
fn lock(package: &str) -> String {
    let own = format!(
        "[[package]]\nname = \"{package}\"\nversion = \"0.1.0\"\ndependencies = [\n \"serde_json\",\n \"tidegate-sdk\",\n]\n"
    );
    let (head, packages) = LOCK.split_once("@PROJECT@").unwrap_or((LOCK, ""));
    let mut blocks: Vec<&str> = packages.trim().split("\n\n").collect();
    blocks.push(own.trim_end());
    blocks.sort_by_key(|block| block.lines().nth(1).unwrap_or_default().to_owned());
    format!("{head}{}\n", blocks.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::{LOCK, Template, lock, package_name};

    #[test]
    fn a_projects_name_becomes_one_that_cargo_takes() {
        let package = |name: &str| package_name(&name.parse().unwrap());
        assert_eq!(package("My-Shop"), "my-shop");
        assert_eq!(package("2nd"), "project-2nd");
        assert_eq!(package("match"), "match-project");
        assert_eq!(package("serde"), "serde-project");
        assert_eq!(package("tidegate-sdk"), "tidegate-sdk-project");
    }

    #[test]
    fn a_project_has_the_sdk_its_contract_and_no_mark_left() {
        let files = Template::Hello.project(&"shop".parse().unwrap());
        let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        for path in [
            "Cargo.toml",
            "Cargo.lock",
            "tidegate.toml",
            ".gitignore",
            "src/lib.rs",
            "tests/project.rs",
            "vendor/tidegate-sdk/Cargo.toml",
            "vendor/tidegate-sdk/src/lib.rs",
            "vendor/tidegate-sdk/macros/src/lib.rs",
            "vendor/tidegate-sdk/wit/project.wit",
        ] {
            assert!(paths.contains(&path), "{path}");
        }
        for (path, text) in files
            .iter()
            .filter(|(path, _)| !path.starts_with("vendor/"))
        {
            assert!(
                !text.contains("@NAME@") && !text.contains("@CRATE@"),
                "{path}"
            );
        }
    }

    #[test]
    fn the_lock_file_holds_the_project_among_its_dependencies_in_order() {
        let lock = lock("shop");
        let names: Vec<&str> = lock
            .lines()
            .filter(|line| line.starts_with("name = "))
            .collect();
        assert!(names.is_sorted(), "{names:?}");
        assert!(names.contains(&"name = \"shop\""));
    }

    #[test]
    fn the_lock_file_pins_the_versions_of_the_program_itself() {
        let program = include_str!("../../../Cargo.lock");
        for block in LOCK
            .split("\n\n")
            .filter(|block| block.contains("checksum"))
        {
            let checksum = block.lines().find(|line| line.starts_with("checksum"));
            let same = program.contains(checksum.unwrap());
            assert!(same, "another version than the program's: {block}");
        }
    }
}
