//! Watching what a build reads, with real files and the operating system's own events.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "watching/random.rs"]
mod random;
#[path = "watching/scene.rs"]
mod scene;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use scene::{PACKAGE, Scene, write};

/// Lists the paths as they are told.
fn paths<const N: usize>(names: [&str; N]) -> Vec<PathBuf> {
    names.map(PathBuf::from).to_vec()
}

#[tokio::test]
async fn a_save_is_told_with_its_path_and_once() {
    let mut scene = Scene::package();
    scene.put("src/lib.rs", "fn a() {}");
    assert_eq!(scene.next().await.paths, paths(["src/lib.rs"]));
    scene.nothing_more().await;
}

#[tokio::test]
async fn a_save_without_a_change_of_content_is_a_change() {
    let mut scene = Scene::package();
    let text = fs::read_to_string(scene.at("src/lib.rs")).unwrap();
    write(&scene.at("src/lib.rs"), &text);
    assert_eq!(scene.next().await.paths, paths(["src/lib.rs"]));
}

#[tokio::test]
async fn a_touch_is_a_change() {
    let mut scene = Scene::package();
    let touched = Command::new("touch").arg(scene.at("src/lib.rs")).status();
    assert!(touched.unwrap().success());
    assert_eq!(scene.next().await.paths, paths(["src/lib.rs"]));
}

#[tokio::test]
async fn reading_and_metadata_alone_are_no_change() {
    let mut scene = Scene::package();
    let file = scene.at("src/lib.rs");
    fs::read(&file).unwrap();
    drop(fs::OpenOptions::new().write(true).open(&file).unwrap());
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&file, permissions).unwrap();
    fs::hard_link(&file, scene.outside("other-name")).unwrap();
    scene.nothing_more().await;
}

#[tokio::test]
async fn what_changes_before_anybody_waits_is_told() {
    let mut scene = Scene::package();
    scene.put("src/lib.rs", "1");
    scene.put("src/a.rs", "1");
    scene.all_of(&["src/lib.rs", "src/a.rs"]).await;
    scene.nothing_more().await;
}

#[tokio::test]
async fn dropping_the_wait_loses_nothing() {
    let mut scene = Scene::package();
    for _ in 0..3 {
        // Polled once, which may find nothing yet, and dropped.
        tokio::select! {
            biased;
            changes = scene.watcher.changed() => panic!("{changes:?}"),
            () = std::future::ready(()) => {}
        }
        write(&scene.at("src/lib.rs"), "x");
        tokio::select! {
            biased;
            _ = scene.watcher.changed() => {}
            () = tokio::task::yield_now() => {}
        }
    }
    write(&scene.at("src/last.rs"), "x");
    scene.all_of(&["src/last.rs"]).await;
}

#[tokio::test]
async fn what_is_taken_is_not_told_again() {
    let mut scene = Scene::package();
    scene.place("src/new.rs");
    let taken = loop {
        if let Some(changes) = scene.watcher.take() {
            break changes;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(taken.paths, paths(["src/new.rs"]));
    assert_eq!(scene.watcher.take(), None);
    scene.nothing_more().await;
}

#[tokio::test]
async fn changes_that_come_together_are_told_together() {
    let mut scene = Scene::package();
    for n in 0..15 {
        write(&scene.at(&format!("src/{n}.rs")), "x");
    }
    let mut told = 0;
    let mut times = 0;
    while told < 15 {
        let changes = scene.next().await;
        assert!(changes.paths.len() <= 10);
        told += changes.paths.len() + changes.more;
        times += 1;
    }
    assert!(times < 15, "each of 15 changes was told by itself");
}

#[tokio::test]
async fn editors_that_save_by_renaming_are_followed_every_time() {
    let mut scene = Scene::package();
    for n in 0..5 {
        // As most do: a new file beside it, renamed over it.
        write(&scene.at("src/.lib.rs.tmp"), &format!("// {n}"));
        fs::rename(scene.at("src/.lib.rs.tmp"), scene.at("src/lib.rs")).unwrap();
        scene.all_of(&["src/lib.rs"]).await;
        // As vim does: the old one is kept aside.
        write(&scene.at("src/4913"), "");
        fs::remove_file(scene.at("src/4913")).unwrap();
        fs::rename(scene.at("src/lib.rs"), scene.at("src/lib.rs~")).unwrap();
        write(&scene.at("src/lib.rs"), &format!("// again {n}"));
        fs::remove_file(scene.at("src/lib.rs~")).unwrap();
        scene.all_of(&["src/lib.rs"]).await;
    }
}

#[tokio::test]
async fn what_editors_leave_is_no_change() {
    let mut scene = Scene::package();
    for name in [".lib.rs.swp", "4913", ".#lib.rs", "lib.rs~", "#lib.rs#"] {
        write(&scene.at("src").join(name), "x");
    }
    std::os::unix::fs::symlink("me@host:1", scene.at("src/.#a.rs")).unwrap();
    scene.nothing_more().await;
}

#[tokio::test]
async fn a_removed_file_is_a_change() {
    let mut scene = Scene::package();
    fs::remove_file(scene.at("src/lib.rs")).unwrap();
    assert_eq!(scene.next().await.paths, paths(["src/lib.rs"]));
    scene.nothing_more().await;
}

#[tokio::test]
async fn a_new_folder_is_watched_with_what_was_written_into_it_at_once() {
    let mut scene = Scene::package();
    for n in 0..20 {
        let deep = format!("src/m{n}/a/b/c");
        write(&scene.at(&deep).join("mod.rs"), "x");
        scene.all_of(&[&format!("{deep}/mod.rs")]).await;
        write(&scene.at(&deep).join("late.rs"), "x");
        scene.all_of(&[&format!("{deep}/late.rs")]).await;
    }
}

#[tokio::test]
async fn a_folder_that_is_removed_and_made_again_is_watched_again() {
    let mut scene = Scene::package();
    for n in 0..10 {
        write(&scene.at("src/sub/deep/a.rs"), "x");
        scene.all_of(&["src/sub/deep/a.rs"]).await;
        fs::remove_dir_all(scene.at("src/sub")).unwrap();
        write(&scene.at("src/sub/deep/b.rs"), &format!("{n}"));
        scene.all_of(&["src/sub/deep/b.rs"]).await;
        write(&scene.at("src/sub/deep/c.rs"), "x");
        scene.all_of(&["src/sub/deep/c.rs"]).await;
    }
}

#[tokio::test]
async fn a_folder_that_is_moved_is_watched_under_its_new_name() {
    let mut scene = Scene::package();
    write(&scene.at("src/a/b/x.rs"), "x");
    scene.all_of(&["src/a/b/x.rs"]).await;
    for (from, to) in [("src/a", "src/c"), ("src/c", "d"), ("d", "src/a")] {
        fs::rename(scene.at(from), scene.at(to)).unwrap();
        let (old, new) = (format!("{from}/b/x.rs"), format!("{to}/b/x.rs"));
        scene.all_of(&[&old, &new]).await;
        scene.nothing_more().await;
        scene.put(&new, "y");
        assert_eq!(scene.next().await.paths, [PathBuf::from(&new)]);
        scene.nothing_more().await;
    }
}

#[tokio::test]
async fn a_folder_that_is_moved_into_a_new_one_is_watched_there() {
    let mut scene = Scene::package();
    for n in 0..20 {
        write(&scene.at("src/a/b/x.rs"), "x");
        scene.all_of(&["src/a/b/x.rs"]).await;
        let new = format!("src/p{n}");
        fs::create_dir(scene.at(&new)).unwrap();
        fs::rename(scene.at("src/a"), scene.at(&new).join("a")).unwrap();
        scene.all_of(&[&format!("{new}/a/b/x.rs")]).await;
        scene.flush().await;
        write(&scene.at(&new).join("a/b/y.rs"), "y");
        scene.all_of(&[&format!("{new}/a/b/y.rs")]).await;
    }
}

#[tokio::test]
async fn what_git_ignores_is_no_change() {
    let scene = Scene::prepare();
    write(&scene.outside("project/.git/info/exclude"), "*.excluded\n");
    write(
        &scene.outside("project/.gitignore"),
        "*.log\n/made/\n!kept.log\n",
    );
    write(&scene.outside("project/src/.gitignore"), "generated.rs\n");
    write(&scene.outside("project/made/a/b.rs"), "");
    let mut scene = scene.watch();
    write(&scene.at("a.log"), "x");
    write(&scene.at("a.excluded"), "x");
    write(&scene.at("made/a/b.rs"), "x");
    write(&scene.at("made/c/d.rs"), "x");
    write(&scene.at("src/generated.rs"), "x");
    write(&scene.at(".git/index"), "x");
    write(&scene.at(".tidegate/store.db"), "x");
    scene.nothing_more().await;
    write(&scene.at("kept.log"), "x");
    scene.all_of(&["kept.log"]).await;
    write(&scene.at("generated.rs"), "x");
    scene.all_of(&["generated.rs"]).await;
}

#[tokio::test]
async fn a_change_of_the_ignore_rules_holds_at_once() {
    let scene = Scene::prepare();
    write(&scene.outside("project/.gitignore"), "/made\n");
    write(&scene.outside("project/made/a/b.rs"), "");
    let mut scene = scene.watch();
    write(&scene.at("made/a/b.rs"), "x");
    scene.nothing_more().await;

    write(&scene.outside("rules"), "/src\n");
    fs::rename(scene.outside("rules"), scene.at(".gitignore")).unwrap();
    scene.all_of(&[".gitignore"]).await;
    scene.flush().await;
    write(&scene.at("src/lib.rs"), "x");
    scene.nothing_more().await;
    write(&scene.at("made/a/b.rs"), "x");
    scene.all_of(&["made/a/b.rs"]).await;
}

#[tokio::test]
async fn rules_above_the_project_hold_in_it() {
    let scene = Scene::prepare();
    write(&scene.outside(".git/HEAD"), "");
    write(&scene.outside(".gitignore"), "*.log\n");
    let mut scene = scene.watch();
    write(&scene.at("src/a.log"), "x");
    scene.nothing_more().await;
    write(&scene.outside("rules"), "*.txt\n");
    fs::rename(scene.outside("rules"), scene.outside(".gitignore")).unwrap();
    scene.flush().await;
    write(&scene.at("src/a.txt"), "x");
    scene.nothing_more().await;
    write(&scene.at("src/b.log"), "x");
    scene.all_of(&["src/b.log"]).await;
}

#[tokio::test]
async fn what_cargo_makes_is_no_change_wherever_it_makes_it() {
    let scene = Scene::prepare();
    write(
        &scene.outside("project/.cargo/config.toml"),
        "[build]\ntarget-dir = \"out/here\"\n",
    );
    write(&scene.outside("project/target/debug/old"), "x");
    let mut scene = scene.watch();
    write(&scene.at("target/debug/old"), "y");
    write(&scene.at("target/debug/deps/new"), "y");
    scene.nothing_more().await;

    for edit in ["pub fn a() {}", "pub fn b() {}"] {
        let building = scene.watcher.building();
        scene.cargo(&["build", "--offline"]);
        building.finished();
        assert!(scene.at("out/here/debug").is_dir());
        scene.nothing_more().await;
        scene.put("src/lib.rs", edit);
        scene.all_of(&["src/lib.rs"]).await;
    }
}

#[tokio::test]
async fn a_lock_file_that_the_build_writes_is_no_change_and_any_other_is() {
    let scene = Scene::prepare();
    write(
        &scene.outside("dep/Cargo.toml"),
        "[package]\nname = \"dep\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    write(&scene.outside("dep/src/lib.rs"), "");
    let mut scene = scene.watch();
    let lock = scene.at("Cargo.lock");
    assert!(!lock.exists());
    let build = |scene: &Scene| {
        let building = scene.watcher.building();
        scene.cargo(&["build", "--offline"]);
        building
    };
    build(&scene).finished();
    assert!(lock.exists());
    scene.nothing_more().await;

    let text = fs::read_to_string(&lock).unwrap();
    write(&lock, &text);
    scene.nothing_more().await;

    let manifest = format!("{PACKAGE}dep = {{ path = \"../dep\" }}\n");
    scene.put("Cargo.toml", &manifest);
    scene.all_of(&["Cargo.toml"]).await;
    let building = build(&scene);
    assert_ne!(fs::read_to_string(&lock).unwrap(), text);
    scene.nothing_more().await;
    building.finished();

    // This manifest gives a build no cause to write there, and it wrote nothing.
    scene.put("Cargo.toml", &format!("{manifest}# the same\n"));
    scene.all_of(&["Cargo.toml"]).await;
    scene.flush().await;
    build(&scene).finished();
    let building = scene.watcher.building();
    scene.put("Cargo.lock", &format!("{text}\n# updated\n"));
    scene.all_of(&["Cargo.lock"]).await;
    building.finished();

    fs::remove_file(&lock).unwrap();
    scene.all_of(&["Cargo.lock"]).await;
    build(&scene).finished();
    scene.nothing_more().await;
}

#[tokio::test]
async fn packages_that_the_project_depends_on_by_path_are_watched() {
    let scene = Scene::prepare();
    let package = |name: &str, more: &str| {
        let text = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\n{more}");
        write(&scene.outside(name).join("Cargo.toml"), &text);
        write(&scene.outside(name).join("src/lib.rs"), "");
    };
    package("one", "[dependencies]\ntwo = { path = \"../two\" }\n");
    package("two", "");
    package("tool", "");
    package("late", "");
    let manifest = |more: &str| {
        format!(
            "{PACKAGE}one = {{ path = \"../one\" }}\n{more}[target.'cfg(unix)'.build-dependencies]\ntool = {{ path = \"../tool\" }}\n"
        )
    };
    write(&scene.outside("project/Cargo.toml"), &manifest(""));
    let mut scene = scene.watch();
    for name in ["one", "two", "tool"] {
        let file = scene.outside(name).join("src/lib.rs");
        write(&file, "x");
        scene.all_of(&[file.to_str().unwrap()]).await;
    }
    scene.flush().await;
    write(&scene.outside("two/target/x"), "x");
    let late = scene.outside("late/src/lib.rs");
    write(&late, "x");
    scene.nothing_more().await;

    scene.put("Cargo.toml", &manifest("late = { path = \"../late\" }\n"));
    scene.all_of(&["Cargo.toml"]).await;
    scene.flush().await;
    write(&late, "y");
    scene.all_of(&[late.to_str().unwrap()]).await;

    // In the middle of an edit a manifest cannot be read; what was known stays.
    scene.put("Cargo.toml", "[package\n");
    scene.all_of(&["Cargo.toml"]).await;
    scene.flush().await;
    write(&late, "z");
    scene.all_of(&[late.to_str().unwrap()]).await;

    scene.put("Cargo.toml", &manifest(""));
    scene.all_of(&["Cargo.toml"]).await;
    scene.flush().await;
    write(&late, "not read any more");
    scene.nothing_more().await;
}

#[tokio::test]
async fn the_workspace_and_the_settings_above_are_watched() {
    let scene = Scene::prepare();
    write(
        &scene.outside("Cargo.toml"),
        "[workspace]\nmembers = [\"project\"]\n[workspace.dependencies]\nshared = { path = \"shared\" }\n",
    );
    write(
        &scene.outside("project/Cargo.toml"),
        "[package]\nname = \"a\"\nversion = \"0.1.0\"\n[dependencies]\nshared.workspace = true\n",
    );
    write(
        &scene.outside("shared/Cargo.toml"),
        "[package]\nname = \"shared\"\n",
    );
    write(&scene.outside("Cargo.lock"), "1");
    let mut scene = scene.watch();
    for name in [
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain.toml",
        ".cargo/config.toml",
        "shared/src/lib.rs",
    ] {
        let file = scene.outside(name);
        let text = fs::read_to_string(&file).unwrap_or_default() + "\n";
        write(&file, &text);
        scene.all_of(&[file.to_str().unwrap()]).await;
    }
    scene.flush().await;
    write(&scene.outside("README.md"), "x");
    write(&scene.outside("other/src/lib.rs"), "x");
    scene.nothing_more().await;
}

#[tokio::test]
async fn a_commands_component_is_no_change_and_all_else_in_the_folder_is() {
    let scene =
        Scene::with("name = \"a\"\ncomponent = \"dist/a.wasm\"\n[build]\ncommand = \"make\"\n");
    write(&scene.outside("project/dist/README"), "");
    let mut scene = scene.watch();
    write(&scene.at("dist/a.wasm"), "x");
    write(&scene.at("dist/a.wasm.tmp"), "x");
    fs::rename(scene.at("dist/a.wasm.tmp"), scene.at("dist/a.wasm")).unwrap();
    write(&scene.at("target/x"), "x");
    scene.nothing_more().await;
    write(&scene.at("main.py"), "x");
    scene.all_of(&["main.py"]).await;
    write(&scene.at("dist/README"), "x");
    scene.all_of(&["dist/README"]).await;
}

#[tokio::test]
async fn of_a_prebuilt_project_the_component_and_the_project_file_are_watched() {
    let scene = Scene::with("name = \"a\"\ncomponent = \"target/out/a.wasm\"\n");
    let mut scene = scene.watch();
    write(&scene.at("main.c"), "x");
    scene.nothing_more().await;
    for n in 0..3 {
        write(&scene.at("target/out/a.wasm"), &format!("{n}"));
        scene.all_of(&["target/out/a.wasm"]).await;
        scene.flush().await;
        scene.put("target/out/a.wasm", &format!("{n} renamed"));
        scene.all_of(&["target/out/a.wasm"]).await;
        write(&scene.at("target/out/b.wasm"), "x");
        scene.nothing_more().await;
        fs::remove_dir_all(scene.at("target")).unwrap();
        scene.all_of(&["target/out/a.wasm"]).await;
    }
    write(&scene.at("tidegate.toml"), "name = \"b\"\n");
    let changes = scene.all_of(&["tidegate.toml"]).await;
    assert!(changes.project_file);
}

#[tokio::test]
async fn a_changed_project_file_is_told_and_followed() {
    let scene = Scene::with("name = \"a\"\ncomponent = \"a.wasm\"\n");
    let mut scene = scene.watch();
    write(&scene.at("src/main.c"), "x");
    scene.nothing_more().await;
    scene.put(
        "tidegate.toml",
        "name = \"a\"\ncomponent = \"a.wasm\"\n[build]\ncommand = \"make\"\n",
    );
    assert!(scene.all_of(&["tidegate.toml"]).await.project_file);
    let project = watch::find_project(&scene.at("")).unwrap();
    scene.watcher.follow(&project);
    // `follow` does not wait: a change counts from when it is told.
    loop {
        scene.place("seen");
        scene.place("tidegate.toml");
        let told = scene.next().await;
        if told.paths.contains(&"seen".into()) {
            break;
        }
    }
    write(&scene.at("src/main.c"), "y");
    scene.all_of(&["src/main.c"]).await;
}

#[tokio::test]
async fn a_project_that_is_moved_away_is_gone_and_watched_again_when_it_is_back() {
    let mut scene = Scene::package();
    for n in 0..3 {
        fs::rename(scene.at(""), scene.outside("elsewhere")).unwrap();
        assert!(scene.next().await.gone);
        write(&scene.outside("elsewhere/src/lib.rs"), &format!("{n}"));
        fs::rename(scene.outside("elsewhere"), scene.at("")).unwrap();
        scene.until(|changes| !changes.gone).await;
        scene.flush().await;
        write(&scene.at("src/lib.rs"), "back");
        scene.all_of(&["src/lib.rs"]).await;
    }
}

#[tokio::test]
async fn a_project_that_is_removed_and_made_again_is_watched_again() {
    let mut scene = Scene::package();
    for _ in 0..3 {
        fs::remove_dir_all(scene.at("")).unwrap();
        scene.until(|changes| changes.gone).await;
        scene.write_package();
        scene.until(|changes| !changes.gone).await;
        write(&scene.at("src/lib.rs"), "back");
        scene.all_of(&["src/lib.rs"]).await;
    }
}

#[tokio::test]
async fn a_folder_above_the_project_may_be_moved_away_and_back() {
    let scene = Scene::prepare();
    let mut scene = scene.watch();
    let above = scene.outside("");
    let away = above.with_extension("away");
    fs::rename(&above, &away).unwrap();
    scene.until(|changes| changes.gone).await;
    fs::rename(&away, &above).unwrap();
    scene.until(|changes| !changes.gone).await;
    scene.flush().await;
    write(&scene.at("src/lib.rs"), "back");
    scene.all_of(&["src/lib.rs"]).await;
}

#[tokio::test]
async fn links_are_followed_and_loops_end() {
    use std::os::unix::fs::symlink;
    let scene = Scene::prepare();
    write(&scene.outside("shared/deep/x.rs"), "");
    write(&scene.outside("elsewhere/one.rs"), "");
    write(&scene.outside("elsewhere/other.rs"), "");
    symlink(scene.outside("shared"), scene.outside("project/src/shared")).unwrap();
    symlink(
        "../../elsewhere/one.rs",
        scene.outside("project/src/one.rs"),
    )
    .unwrap();
    symlink(".", scene.outside("project/src/loop")).unwrap();
    symlink("../..", scene.outside("project/src/up")).unwrap();
    symlink("nowhere", scene.outside("project/src/broken")).unwrap();
    let mut scene = scene.watch();
    write(&scene.outside("shared/deep/x.rs"), "x");
    scene.all_of(&["src/shared/deep/x.rs"]).await;
    let one = scene.outside("elsewhere/one.rs");
    write(&one, "x");
    scene.all_of(&[one.to_str().unwrap()]).await;
    scene.flush().await;
    write(&scene.outside("elsewhere/other.rs"), "x");
    write(&scene.outside("not-ours"), "x");
    scene.nothing_more().await;
    symlink("..", scene.at("src/late-loop")).unwrap();
    scene.flush().await;
    scene.put("src/lib.rs", "x");
    assert_eq!(scene.next().await.paths, paths(["src/lib.rs"]));
}

#[tokio::test]
async fn in_a_tree_of_10000_files_every_corner_is_watched() {
    let scene = Scene::prepare();
    for folder in 0..500 {
        for file in 0..20 {
            let name = format!("project/src/a{}/b{folder}/{file}.rs", folder % 10);
            write(&scene.outside(&name), "");
        }
    }
    let mut scene = scene.watch();
    for name in ["src/a0/b0/0.rs", "src/a9/b499/19.rs", "src/a5/b255/7.rs"] {
        scene.put(name, "x");
        assert_eq!(scene.next().await.paths, paths([name]));
    }
}

#[tokio::test]
async fn a_checkout_of_thousands_of_files_is_told() {
    let mut scene = Scene::package();
    for folder in 0..100 {
        for file in 0..20 {
            write(&scene.at(&format!("src/b{folder}/{file}.rs")), "");
        }
    }
    scene.flush().await;
    for name in ["src/b0/0.rs", "src/b99/19.rs"] {
        scene.put(name, "x");
        assert_eq!(scene.next().await.paths, paths([name]));
    }
}

#[test]
fn a_folder_that_is_not_there_cannot_be_watched() {
    let scene = Scene::prepare();
    let project = watch::find_project(&scene.outside("project")).unwrap();
    fs::remove_dir_all(&project.root).unwrap();
    let error = watch::watch(&project).unwrap_err();
    assert!(error.to_string().contains("project"), "{error}");
}

#[tokio::test]
async fn several_may_watch_and_each_ends_by_itself() {
    let mut scene = Scene::package();
    let project = watch::find_project(&scene.at("")).unwrap();
    drop(watch::watch(&project).unwrap());
    let mut second = watch::watch(&project).unwrap();
    scene.put("src/lib.rs", "x");
    assert_eq!(scene.next().await.paths, paths(["src/lib.rs"]));
    let told = tokio::time::timeout(Duration::from_secs(60), second.changed());
    assert_eq!(
        told.await.unwrap().unwrap().paths[0],
        Path::new("src/lib.rs")
    );
}
