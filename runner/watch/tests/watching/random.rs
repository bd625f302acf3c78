//! Whatever happens to files, what the build reads is told and nothing else.

use std::collections::BTreeSet;
use std::fs;

use crate::scene::{Scene, write};

/// A small source of choices that a number names, so that a failure can be repeated.
struct Choices(u64);

impl Choices {
    fn below(&mut self, end: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    fn of<'a>(&mut self, names: &[&'a str]) -> &'a str {
        names[self.below(names.len())]
    }
}

const FOLDERS: [&str; 6] = ["src", "src/a", "src/a/b", "src/c", "docs", "tests/deep/er"];
const IGNORED: [&str; 8] = [
    "target/debug/x",
    "target/wasm/deps/y",
    ".git/objects/z",
    ".tidegate/store",
    "src/x.log",
    "src/a/made/x.rs",
    "docs/.page.md.swp",
    "out/generated/x.rs",
];

/// What is there, and who is told.
struct Session {
    scene: Scene,
    choices: Choices,
    /// Files that are read, which are there.
    files: BTreeSet<String>,
    /// Those of them that were there when the batch began.
    before: BTreeSet<String>,
    made: usize,
}

impl Session {
    fn new(seed: u64) -> Self {
        let scene = Scene::prepare();
        write(&scene.outside("project/.gitignore"), "*.log\nmade/\n/out\n");
        Self {
            scene: scene.watch(),
            choices: Choices(seed),
            files: BTreeSet::from(["src/lib.rs".to_owned()]),
            before: BTreeSet::new(),
            made: 0,
        }
    }

    fn new_name(&mut self) -> String {
        self.made += 1;
        format!("{}/f{}.rs", self.choices.of(&FOLDERS), self.made)
    }

    /// Chooses a file that was there when the batch began: what happens to it is to be told.
    fn existing(&mut self) -> Option<String> {
        let all: Vec<_> = self.files.intersection(&self.before).cloned().collect();
        (!all.is_empty()).then(|| all[self.choices.below(all.len())].clone())
    }

    /// Does something to files that are read; each does something that lasts.
    fn touch_source(&mut self) {
        let new = self.new_name();
        let old = self.existing();
        match (self.choices.below(7), old) {
            (0, Some(old)) => write(&self.scene.at(&old), "written"),
            (1, Some(old)) => self.scene.put(&old, "renamed over"),
            (2, Some(old)) => {
                fs::remove_file(self.scene.at(&old)).unwrap();
                self.files.remove(&old);
            }
            (3, Some(old)) => {
                write(&self.scene.at(&new), "moved over");
                fs::rename(self.scene.at(&old), self.scene.at(&new)).unwrap();
                self.files.remove(&old);
                self.files.insert(new);
            }
            (4, _) => self.move_folder(),
            (5, _) => self.remove_folder(&new),
            _ => {
                write(&self.scene.at(&new), "new");
                self.files.insert(new);
            }
        }
    }

    /// Moves a folder with all that is in it.
    fn move_folder(&mut self) {
        let from = self.choices.of(&FOLDERS);
        self.made += 1;
        let to = format!("moved{}", self.made);
        let name = format!("{from}/f{}.rs", self.made);
        write(&self.scene.at(&name), "about to move");
        self.files.insert(name);
        fs::rename(self.scene.at(from), self.scene.at(&to)).unwrap();
        let inside = format!("{from}/");
        self.files = std::mem::take(&mut self.files)
            .into_iter()
            .map(|file| match file.strip_prefix(&inside) {
                Some(rest) => format!("{to}/{rest}"),
                None => file,
            })
            .collect();
    }

    /// Removes a folder with all that is in it and makes it again at once.
    fn remove_folder(&mut self, new: &str) {
        let folder = new.rsplit_once('/').unwrap().0.to_owned();
        if self.scene.at(&folder).exists() {
            fs::remove_dir_all(self.scene.at(&folder)).unwrap();
        }
        let inside = format!("{folder}/");
        self.files.retain(|file| !file.starts_with(&inside));
        write(&self.scene.at(new), "after the removal");
        self.files.insert(new.to_owned());
    }

    fn touch_ignored(&mut self) {
        let name = self.choices.of(&IGNORED);
        let path = self.scene.at(name);
        match self.choices.below(3) {
            0 if path.exists() => fs::remove_file(&path).unwrap(),
            1 if path.exists() => {
                self.made += 1;
                write(&path.with_file_name(format!("{}.log", self.made)), "x");
            }
            _ => write(&path, "x"),
        }
    }

    async fn batch(&mut self) {
        let sources = if self.choices.below(2) == 0 {
            self.choices.below(5)
        } else {
            0
        };
        self.before = self.files.clone();
        for _ in 0..self.choices.below(5) {
            self.touch_ignored();
        }
        for _ in 0..sources {
            self.touch_source();
            self.touch_ignored();
        }
        if sources == 0 {
            self.scene.nothing_more().await;
        } else {
            let changes = self.scene.next().await;
            assert!(!changes.paths.is_empty());
            self.scene.flush().await;
        }
    }

    /// Sees that each file that is there is watched, by its name and once.
    async fn every_file_is_watched(&mut self) {
        for file in self.files.clone() {
            self.scene.put(&file, "still watched");
            let changes = self.scene.next().await;
            assert_eq!(changes.paths, [std::path::PathBuf::from(file)]);
        }
    }
}

async fn session(seed: u64) {
    let mut session = Session::new(seed);
    for _ in 0..40 {
        session.batch().await;
    }
    session.every_file_is_watched().await;
}

#[tokio::test]
async fn whatever_happens_sources_are_told_and_ignored_files_are_not() {
    // The last one differs each time; a failure names it.
    let fresh = u64::from(std::process::id());
    for seed in [1, 2, 3, fresh] {
        let done = tokio::spawn(session(seed)).await;
        assert!(done.is_ok(), "the session of the seed {seed} failed");
    }
}
