use std::sync::{Arc, Mutex};

use super::*;

/// Folders that are watched as far as anybody can tell, up to a number of them.
#[derive(Debug, Clone)]
struct Noted {
    watched: Arc<Mutex<BTreeSet<PathBuf>>>,
    limit: usize,
}

impl Noted {
    fn up_to(limit: usize) -> Self {
        Self {
            watched: Arc::default(),
            limit,
        }
    }

    fn below(&self, root: &Path) -> Vec<String> {
        let watched = self.watched.lock().unwrap();
        let below = watched
            .iter()
            .filter_map(|path| path.strip_prefix(root).ok());
        below
            .map(|path| path.to_str().unwrap().to_owned())
            .collect()
    }
}

impl Folders for Noted {
    fn add(&mut self, folder: &Path) -> Result<bool, WatchError> {
        let mut watched = self.watched.lock().unwrap();
        if watched.len() == self.limit && !watched.contains(folder) {
            return Err(WatchError::Limit {
                path: folder.to_owned(),
            });
        }
        watched.insert(folder.to_owned());
        Ok(true)
    }

    fn remove(&mut self, folder: &Path) {
        self.watched.lock().unwrap().remove(folder);
    }
}

struct Planted {
    _folder: tempfile::TempDir,
    root: PathBuf,
    noted: Noted,
    tree: Tree<Noted>,
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn planted(files: &[&str]) -> Planted {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    write(&root.join("tidegate.toml"), "name = \"a\"\n");
    write(&root.join("Cargo.toml"), "[package]\nname = \"a\"\n");
    for file in files {
        write(&root.join(file), "");
    }
    let noted = Noted::up_to(usize::MAX);
    let project = crate::find_project(&root).unwrap();
    let tree = Tree::plant(noted.clone(), project).unwrap();
    Planted {
        _folder: folder,
        root,
        noted,
        tree,
    }
}

impl Planted {
    fn told(&mut self, notices: Vec<Notice>) -> Findings {
        self.tree.take_in(notices, LockWriter::Somebody)
    }

    fn changed(&self, name: &str) -> Notice {
        Notice::At(vec![self.root.join(name)], Certainty::Changed)
    }

    fn names(&self, findings: &Findings) -> Vec<String> {
        let inside = findings.changed.iter().map(|path| {
            let inside = path.strip_prefix(&self.root).unwrap();
            inside.to_str().unwrap().to_owned()
        });
        inside.collect()
    }
}

#[test]
fn no_watch_is_spent_on_what_is_ignored() {
    let planted = planted(&[
        "src/a/b.rs",
        ".git/objects/aa/x",
        ".tidegate/artifacts/x",
        "target/debug/deps/x",
        "made/x/y",
        ".cargo/config.toml",
        "none/CACHEDIR.TAG",
    ]);
    write(&planted.root.join(".gitignore"), "/made\n");
    let mut planted = planted;
    let notice = planted.changed(".gitignore");
    let findings = planted.told(vec![notice]);
    assert_eq!(planted.names(&findings), [".gitignore"]);
    assert_eq!(
        planted.noted.below(&planted.root),
        ["", ".cargo", "none", "src", "src/a"]
    );
}

#[test]
fn a_folder_that_becomes_a_cache_is_let_go() {
    let mut planted = planted(&["out/deep/x"]);
    assert_eq!(planted.noted.below(&planted.root), ["", "out", "out/deep"]);
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n";
    write(&planted.root.join("out/CACHEDIR.TAG"), tag);
    let notice = planted.changed("out/CACHEDIR.TAG");
    let findings = planted.told(vec![notice]);
    assert_eq!(planted.names(&findings), [""; 0]);
    assert_eq!(planted.noted.below(&planted.root), [""]);
}

#[test]
fn a_queue_that_overflowed_tells_that_everything_may_have_changed_and_what_is_known_to_have() {
    let mut planted = planted(&["src/lib.rs", "src/old.rs"]);
    fs::remove_file(planted.root.join("src/old.rs")).unwrap();
    write(&planted.root.join("src/new/mod.rs"), "x");
    let findings = planted.told(vec![Notice::Overflow]);
    assert!(findings.everything);
    assert_eq!(planted.names(&findings), ["src/new/mod.rs", "src/old.rs"]);
    assert_eq!(planted.noted.below(&planted.root), ["", "src", "src/new"]);
}

#[test]
fn a_limit_that_is_reached_at_the_start_is_an_error() {
    let planted = planted(&["src/a/b.rs"]);
    let project = crate::find_project(&planted.root).unwrap();
    let all = planted.noted.watched.lock().unwrap().len();
    assert!(Tree::plant(Noted::up_to(all), project.clone()).is_ok());
    let error = Tree::plant(Noted::up_to(all - 1), project).unwrap_err();
    assert!(matches!(error, WatchError::Limit { .. }), "{error}");
}

#[test]
fn a_limit_that_is_reached_later_is_told_and_what_was_watched_stays_so() {
    let planted = planted(&["src/lib.rs"]);
    let project = crate::find_project(&planted.root).unwrap();
    let noted = Noted::up_to(planted.noted.watched.lock().unwrap().len());
    let mut tree = Tree::plant(noted.clone(), project).unwrap();
    let before = noted.watched.lock().unwrap().clone();
    write(&planted.root.join("src/late/mod.rs"), "");
    let at = |name| Notice::At(vec![planted.root.join(name)], Certainty::Changed);
    for notice in [at("src/late"), Notice::Overflow] {
        let findings = tree.take_in(vec![notice], LockWriter::Somebody);
        let error = findings.error.unwrap().to_string();
        assert!(error.contains("src/late"), "{error}");
        assert_eq!(*noted.watched.lock().unwrap(), before);
    }
    let findings = tree.take_in(vec![at("src/lib.rs")], LockWriter::Somebody);
    assert_eq!(findings.changed.len(), 1);
}

#[test]
fn a_file_that_came_and_went_before_it_was_looked_at_is_no_change() {
    let mut planted = planted(&["src/lib.rs"]);
    let notice = planted.changed("src/sed1a2b3c");
    let findings = planted.told(vec![notice]);
    assert_eq!(planted.names(&findings), [""; 0]);
}

#[test]
fn a_folder_that_was_moved_into_a_new_one_has_one_watch_before_its_move_is_told() {
    let mut planted = planted(&["a/b/x"]);
    fs::create_dir(planted.root.join("new")).unwrap();
    fs::rename(planted.root.join("a"), planted.root.join("new/a")).unwrap();
    let notice = planted.changed("new");
    let findings = planted.told(vec![notice]);
    assert_eq!(planted.names(&findings), ["new/a/b/x"]);
    // The old names would take the only watch with them when they end.
    let watched = ["", "new", "new/a", "new/a/b"];
    assert_eq!(planted.noted.below(&planted.root), watched);
    let notice = planted.changed("a");
    let findings = planted.told(vec![notice]);
    assert_eq!(planted.names(&findings), ["a/b/x"]);
    assert_eq!(planted.noted.below(&planted.root), watched);
}

#[test]
fn a_project_that_went_and_came_back_between_two_looks_is_told() {
    let mut planted = planted(&["src/lib.rs"]);
    let notice = planted.changed("");
    let findings = planted.told(vec![notice]);
    assert_eq!(planted.names(&findings), [""]);
    let above = planted.root.parent().unwrap().to_owned();
    let findings = planted.told(vec![Notice::At(vec![above], Certainty::Changed)]);
    assert_eq!(planted.names(&findings), [""]);
}

#[test]
fn a_folder_whose_number_another_had_takes_no_watch_away() {
    let mut planted = planted(&["a/x", "b/x"]);
    let id = planted.tree.folders[&planted.root.join("b")].id;
    // As if what is now at `a` had once had the number that `b` has.
    planted.tree.by_id.insert(id, planted.root.join("a"));
    let findings = &mut Findings::default();
    planted.tree.rescan(&planted.root.join("b"), findings);
    assert_eq!(planted.noted.below(&planted.root), ["", "a", "b"]);
}

#[test]
fn a_lock_file_is_judged_by_its_content_when_all_is_quiet() {
    let mut planted = planted(&["src/lib.rs"]);
    let lock = planted.root.join("Cargo.lock");
    let changed = || Notice::At(vec![lock.clone()], Certainty::Changed);
    let mut judge = |text: &str, writer| {
        write(&lock, text);
        let findings = planted.tree.take_in(vec![changed()], writer);
        assert!(findings.changed.is_empty() && planted.tree.has_written_locks());
        let findings = planted.tree.read_locks();
        (findings.changed.len(), findings.lock_written)
    };
    assert_eq!(judge("1", LockWriter::Build), (0, true));
    assert_eq!(judge("1", LockWriter::Somebody), (0, false));
    // Whoever writes it empties it first.
    assert_eq!(judge("", LockWriter::Somebody), (0, false));
    assert_eq!(judge("1", LockWriter::Somebody), (0, false));
    assert_eq!(judge("2", LockWriter::Somebody), (1, false));
    assert_eq!(judge("3", LockWriter::Build), (0, true));
}

#[test]
fn what_is_below_a_path_is_split_off_and_what_only_begins_like_it_stays() {
    let paths = ["a", "a b", "a/b", "a/b/c", "a-b", "a0", "b"];
    let mut map: BTreeMap<_, _> = paths.iter().map(|path| (PathBuf::from(path), ())).collect();
    let below: Vec<_> = split_below(&mut map, Path::new("a")).into_keys().collect();
    assert_eq!(below, ["a", "a/b", "a/b/c"].map(PathBuf::from));
    let stays: Vec<_> = map.into_keys().collect();
    assert_eq!(stays, ["a b", "a-b", "a0", "b"].map(PathBuf::from));
}
