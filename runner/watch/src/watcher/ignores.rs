//! What is never watched, whatever is in it: what git ignores and what is made.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The file in which git keeps the ignore rules of a folder.
pub(super) const GITIGNORE: &str = ".gitignore";
/// The file by which cargo and others mark a folder of things that can be made again.
pub(super) const CACHE_TAG: &str = "CACHEDIR.TAG";
/// What such a file begins with; see <https://bford.info/cachedir>.
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Git's ignore rules as they hold in one folder, those from further out first.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    levels: Vec<Arc<Gitignore>>,
}

impl Rules {
    /// Collects the rules that hold for `folder` from above it.
    ///
    /// Where those would ignore the folder itself they say nothing about what
    /// is in it: somebody works there all the same.
    pub(super) fn above(folder: &Path) -> Self {
        let inside: Vec<&Path> = folder.ancestors().skip(1).collect();
        let Some(top) = inside.iter().position(|above| has_git(above)) else {
            return Self::default();
        };
        let mut rules = Self::default();
        for above in inside.iter().take(top + 1).rev() {
            rules = rules.enter(above);
        }
        let ignored = rules.levels.iter().any(|level| {
            folder.starts_with(level.path())
                && level.matched_path_or_any_parents(folder, true).is_ignore()
        });
        if ignored { Self::default() } else { rules }
    }

    /// Returns the rules that hold in a folder of which these hold in the one around it.
    pub(super) fn enter(&self, folder: &Path) -> Self {
        // A repository within another has rules of its own.
        let mut rules = if has_git(folder) {
            Self::of_repository(folder)
        } else {
            self.clone()
        };
        rules.add(read(folder, &folder.join(GITIGNORE)));
        rules
    }

    fn of_repository(top: &Path) -> Self {
        let mut rules = Self::default();
        let (everywhere, _) = GitignoreBuilder::new(top).build_global();
        rules.add(Some(everywhere));
        rules.add(git_folder(top).and_then(|git| read(top, &git.join("info/exclude"))));
        rules
    }

    fn add(&mut self, level: Option<Gitignore>) {
        if let Some(level) = level.filter(|level| !level.is_empty()) {
            self.levels.push(Arc::new(level));
        }
    }

    /// Returns whether git ignores a path directly in the folder that these rules hold in.
    pub(super) fn ignore(&self, path: &Path, is_folder: bool) -> bool {
        for level in self.levels.iter().rev() {
            match level.matched(path, is_folder) {
                Match::None => {}
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
            }
        }
        false
    }
}

/// Reads a file of rules; a line that git would not understand is passed over.
fn read(root: &Path, file: &Path) -> Option<Gitignore> {
    // Asked first, so that the many folders without one cost little.
    if !file.is_file() {
        return None;
    }
    let mut builder = GitignoreBuilder::new(root);
    if let Some(error) = builder.add(file) {
        tracing::debug!(file = %file.display(), error = %error, "an ignore rule is not understood");
    }
    builder.build().ok()
}

fn has_git(folder: &Path) -> bool {
    folder.join(".git").exists()
}

/// Finds where a work tree's repository is: a worktree and a submodule have it elsewhere.
fn git_folder(top: &Path) -> Option<PathBuf> {
    let git = top.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = fs::read_to_string(&git).ok()?;
    let own = top.join(text.strip_prefix("gitdir:")?.trim());
    match fs::read_to_string(own.join("commondir")) {
        Ok(shared) => Some(own.join(shared.trim())),
        Err(_) => Some(own),
    }
}

/// Returns whether a file or folder of this name is never watched.
pub(super) fn never_watched(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    matches!(name, ".git" | ".tidegate" | CACHE_TAG | ".DS_Store") || is_dropping(name)
}

/// Returns whether an editor leaves files of this name behind, or makes them while it saves.
fn is_dropping(name: &str) -> bool {
    let swap = [".swp", ".swo", ".swx", ".swpx", ".kate-swp"];
    // Vim makes a file `4913` to see whether it may.
    name == "4913"
        || name.ends_with('~')
        || name.starts_with(".#")
        || (name.starts_with('#') && name.ends_with('#'))
        || (name.starts_with('.') && swap.iter().any(|ending| name.ends_with(ending)))
        || ["___jb_tmp___", "___jb_old___"]
            .iter()
            .any(|ending| name.ends_with(ending))
}

/// Returns whether a folder holds only what can be made again, as cargo's target folder does.
pub(super) fn is_made(folder: &Path, root: &Path) -> bool {
    let named_target = folder.file_name().is_some_and(|name| name == "target");
    let beside = folder.parent();
    (named_target
        && beside.is_some_and(|beside| beside == root || beside.join("Cargo.toml").is_file()))
        || is_tagged(folder)
}

fn is_tagged(folder: &Path) -> bool {
    let mut start = [0; CACHE_SIGNATURE.len()];
    fs::File::open(folder.join(CACHE_TAG))
        .and_then(|mut tag| tag.read_exact(&mut start))
        .is_ok()
        && start == CACHE_SIGNATURE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn names_that_editors_make_while_they_save_are_never_watched() {
        for name in [
            "4913",
            ".lib.rs.swp",
            ".lib.rs.swx",
            "lib.rs~",
            ".#lib.rs",
            "#lib.rs#",
            "lib.rs___jb_tmp___",
            ".git",
            ".tidegate",
        ] {
            assert!(never_watched(OsStr::new(name)), "{name}");
        }
        for name in [
            "lib.rs", "a.swp.rs", "4913.rs", "#lib.rs", ".cargo", "target",
        ] {
            assert!(!never_watched(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn the_innermost_rule_that_says_something_holds() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        write(&top.join(".git/info/exclude"), "*.excluded\n*.both\n");
        write(&top.join(".gitignore"), "*.out\n!kept.both\n/only-here\n");
        write(&top.join("a/.gitignore"), "!kept.out\n*.txt\n");
        let rules = Rules::above(&top.join("a")).enter(&top.join("a"));
        let check = |name: &str, ignored| {
            assert_eq!(
                rules.ignore(&top.join("a").join(name), false),
                ignored,
                "{name}"
            );
        };
        check("x.excluded", true);
        check("x.both", true);
        check("kept.both", false);
        check("x.out", true);
        check("kept.out", false);
        check("x.txt", true);
        check("only-here", false);
        check("x.rs", false);
    }

    #[test]
    fn a_rule_for_folders_leaves_a_file_of_that_name() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join(".gitignore"), "made/\n");
        let rules = Rules::default().enter(folder.path());
        assert!(rules.ignore(&folder.path().join("made"), true));
        assert!(!rules.ignore(&folder.path().join("made"), false));
    }

    #[test]
    fn a_project_in_an_ignored_folder_is_watched_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join(".git/HEAD"), "");
        for rule in ["scratch/\n", "*\n", "scratch/**\n"] {
            write(&folder.path().join(".gitignore"), rule);
            let project = folder.path().join("scratch/project");
            let rules = Rules::above(&project).enter(&project);
            assert!(!rules.ignore(&project.join("a.rs"), false), "{rule}");
        }
    }

    #[test]
    fn a_repository_within_another_has_only_its_own_rules() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        write(&top.join(".git/HEAD"), "");
        write(&top.join(".gitignore"), "*.rs\n");
        write(&top.join("modules/inner/info/exclude"), "*.txt\n");
        write(&top.join("inner/.git"), "gitdir: ../modules/inner\n");
        let rules = Rules::default().enter(top).enter(&top.join("inner"));
        assert!(!rules.ignore(&top.join("inner/a.rs"), false));
        assert!(rules.ignore(&top.join("inner/a.txt"), false));
    }

    #[test]
    fn a_target_folder_is_known_by_its_place_or_its_tag() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(&root.join("inner/Cargo.toml"), "");
        write(&root.join("inner/target/x"), "");
        write(&root.join("src/target/mod.rs"), "");
        let tag = std::str::from_utf8(CACHE_SIGNATURE).unwrap();
        write(
            &root.join("out/CACHEDIR.TAG"),
            &format!("{tag}\n# made by cargo\n"),
        );
        write(&root.join("fake/CACHEDIR.TAG"), "x");
        for (name, made) in [
            ("target", true),
            ("inner/target", true),
            ("src/target", false),
            ("out", true),
            ("fake", false),
        ] {
            assert_eq!(is_made(&root.join(name), root), made, "{name}");
        }
    }
}
