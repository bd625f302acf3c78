//! The dev loop: what is saved is live, and what does not build leaves the last good version live.

use std::fs;

use harness::{Scripted, TestEnvironment, eventually};

/// How many versions there are to pick from.
const VERSIONS: u32 = 4;

#[test]
fn a_save_goes_live_and_the_next_run_is_on_it() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, VERSIONS);
    let mut dev = scripted.start();
    let serving = dev.next_of("serving");
    assert!(
        serving["url"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    assert_eq!(dev.settled()["kind"], "live");
    assert_eq!(scripted.answer(), "0");
    scripted.save("1");
    let live = dev.settled();
    assert_eq!(live["kind"], "live");
    assert_eq!(live["deploy"], 2);
    assert_eq!(scripted.answer(), "1");
    assert_eq!(scripted.builds(), 2);
    let _ = dev.interrupt().ok();
}

#[test]
fn what_does_not_build_or_collect_leaves_the_last_good_version_live() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, VERSIONS);
    let mut dev = scripted.start();
    assert_eq!(dev.settled()["kind"], "live");
    for (bad, code) in [("broken", "build-failed"), ("junk", "component-invalid")] {
        scripted.save(bad);
        let error = dev.settled();
        assert_eq!(error["code"], code, "{error}");
        assert_eq!(scripted.answer(), "0");
    }
    // The cause may be mended in another file than the one that was changed last.
    scripted.project.write("src/other", "broken");
    assert_eq!(dev.settled()["kind"], "error");
    scripted.save("3");
    assert_eq!(dev.settled()["code"], "build-failed");
    scripted.project.write("src/other", "fine");
    assert_eq!(dev.settled()["kind"], "live");
    assert_eq!(scripted.answer(), "3");
    let _ = dev.interrupt().ok();
}

#[test]
fn a_save_that_changes_nothing_makes_no_deploy() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, VERSIONS);
    let mut dev = scripted.start();
    assert_eq!(dev.settled()["kind"], "live");
    scripted.save("0");
    assert_eq!(dev.settled()["kind"], "unchanged");
    scripted.save("broken");
    assert_eq!(dev.settled()["kind"], "error");
    scripted.save("0");
    assert_eq!(dev.settled()["kind"], "unchanged");
    let deploys = scripted.project.items(&["deploys", "list"]);
    let statuses: Vec<&str> = deploys
        .iter()
        .filter_map(|deploy| deploy["status"].as_str())
        .collect();
    assert_eq!(statuses, ["failed", "succeeded"], "newest first");
    let _ = dev.interrupt().ok();
}

#[test]
fn the_compilers_message_is_shown_and_kept_with_the_deploy() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, VERSIONS);
    scripted.save("broken");
    let mut dev = scripted.start();
    let line = dev.next_of("build_line");
    assert_eq!(line["line"], "error: the source is broken");
    assert_eq!(dev.settled()["code"], "build-failed");
    let log = ["deploys", "logs", "1"];
    let lines = scripted.project.items(&log);
    let kept = lines
        .iter()
        .any(|line| line["message"] == "error: the source is broken");
    assert!(kept, "{lines:?}");
    let _ = dev.interrupt().ok();
}

#[test]
fn a_broken_project_file_is_told_and_the_loop_goes_on() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, VERSIONS);
    let file = scripted.project.directory().join("tidegate.toml");
    let good = fs::read_to_string(&file).unwrap();
    let mut dev = scripted.start();
    assert_eq!(dev.settled()["kind"], "live");
    fs::write(&file, format!("{good}\n[biuld]\n")).unwrap();
    assert_eq!(dev.settled()["code"], "project-file-invalid");
    fs::write(&file, good).unwrap();
    assert_eq!(dev.settled()["kind"], "unchanged");
    scripted.save("2");
    assert_eq!(dev.settled()["kind"], "live");
    assert_eq!(scripted.answer(), "2");
    let _ = dev.interrupt().ok();
}

#[test]
fn a_second_dev_is_refused_by_name() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, VERSIONS);
    let mut dev = scripted.start();
    assert_eq!(dev.settled()["kind"], "live");
    let second = scripted.project.tidegate(["dev", "--port", "0"]);
    let _ = second.finish().exits(5).says("dev");
    assert_eq!(scripted.answer(), "0");
    let _ = dev.interrupt().ok();
}

#[test]
fn a_killed_dev_is_recovered_by_the_next() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, VERSIONS);
    let mut dev = scripted.start();
    assert_eq!(dev.settled()["kind"], "live");
    dev.running().signal(harness::Signal::KILL);
    drop(dev);
    scripted.save("1");
    let mut dev = scripted.start();
    assert_eq!(dev.settled()["kind"], "live");
    assert_eq!(scripted.answer(), "1");
    let _ = dev.interrupt().ok();
}

#[test]
fn ctrl_c_during_a_build_leaves_no_process_behind() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, VERSIONS);
    let pid = scripted.outside("pid");
    // It would go on for ever, in a child of the build's own shell.
    let script = format!(
        "sh -c 'echo $$ > {0}.new; mv {0}.new {0}; while :; do :; done'\n",
        pid.display()
    );
    scripted.project.write("build.sh", &script);
    let dev = scripted.start();
    let id = eventually("the build", || fs::read_to_string(&pid).ok());
    let _ = dev.interrupt().ok();
    let process = std::path::PathBuf::from(format!("/proc/{}", id.trim()));
    eventually("the end of the build's processes", || {
        (!process.exists()).then_some(())
    });
}

#[test]
fn a_build_that_writes_among_its_source_comes_to_rest() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, VERSIONS);
    let script = scripted.directory().join("build.sh");
    let build = fs::read_to_string(&script).unwrap();
    let told = "echo generated > src/generated\n";
    fs::write(&script, format!("{told}{build}")).unwrap();
    let mut dev = scripted.start();
    assert_eq!(dev.settled()["kind"], "live");
    scripted.save("1");
    dev.next("version 1", |document| {
        document["kind"] == "live" && document["deploy"] == 2
    });
    assert_eq!(scripted.answer(), "1");
    // However many builds that took: after some more saves there is one for each.
    for version in ["2", "3", "0", "1", "2", "3"] {
        scripted.save(version);
        eventually("the version", || {
            (scripted.answer() == version).then_some(())
        });
    }
    let before = scripted.builds();
    scripted.save("0");
    eventually("the version", || (scripted.answer() == "0").then_some(()));
    assert!(scripted.builds() - before <= 4, "it never comes to rest");
    let _ = dev.interrupt().ok();
}

#[test]
fn a_data_directory_that_was_removed_ends_the_loop() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, VERSIONS);
    let mut dev = scripted.start();
    assert_eq!(dev.settled()["kind"], "live");
    fs::remove_dir_all(scripted.project.data()).unwrap();
    scripted.save("1");
    let _ = dev.ends().exits(1).fails_as("data-directory-lost");
}
