//! Long sessions of the dev loop.
//!
//! `TIDEGATE_EXTENDED_EDITS` sets how many edits a session has (200),
//! `TIDEGATE_EXTENDED_DEPLOYS` how many deploys go by under load (50), and
//! `TIDEGATE_EXTENDED_SEED` gives the edits of an earlier session again.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use harness::{Dev, Random, Scripted, TestEnvironment, post};
use serde_json::{Value, json};

const VERSIONS: u32 = 16;

fn number(name: &str, default: usize) -> usize {
    match env::var(name) {
        Ok(text) => text.parse().expect("the variable is a number"),
        Err(_) => default,
    }
}

fn pick(random: &mut Random, below: u32) -> u32 {
    let fraction = random.fraction() * f64::from(below);
    (0..below)
        .rev()
        .find(|number| fraction >= f64::from(*number))
        .unwrap_or(0)
}

/// What the source says, and what was live when it last built.
struct Model {
    version: String,
    other: &'static str,
    live: String,
}

impl Model {
    fn builds(&self) -> bool {
        self.version != "broken" && self.other != "broken"
    }

    fn deploys(&self) -> bool {
        self.builds() && self.version != "junk"
    }
}

/// Edits once, or several files at once; returns how many files were written.
fn edit(scripted: &Scripted<'_>, model: &mut Model, random: &mut Random) -> usize {
    match pick(random, 10) {
        0 => model.version = "broken".to_owned(),
        1 => model.version = "junk".to_owned(),
        2 => model.other = "broken",
        3 | 4 => model.other = "fine",
        5 => model.version.clone_from(&model.live),
        6 => {
            model.version = pick(random, VERSIONS).to_string();
            model.other = "fine";
            scripted.project.write("src/other", model.other);
            scripted.save(&model.version);
            return 2;
        }
        _ => model.version = pick(random, VERSIONS).to_string(),
    }
    // As editors do that write a file beside it and rename that over it.
    let path = scripted.directory().join("src");
    let (name, text) = match pick(random, 2) {
        0 => ("version", model.version.as_str()),
        _ => ("other", model.other),
    };
    for (other, text) in [("version", model.version.as_str()), ("other", model.other)] {
        if other != name {
            scripted.project.write(&format!("src/{other}"), text);
        }
    }
    std::fs::write(path.join(".new~"), text).expect("a folder takes a file");
    std::fs::rename(path.join(".new~"), path.join(name)).expect("a file takes a name");
    2
}

/// Waits until the loop has caught up: whatever the last change came to is `expected`.
fn caught_up(dev: &mut Dev, model: &Model) {
    // What a change comes to is told in order, so the last one is what counts;
    // earlier ones may still be on their way.
    loop {
        let settled = dev.settled();
        let fits = match settled["kind"].as_str() {
            Some("live" | "unchanged") => model.deploys(),
            _ => !model.deploys(),
        };
        if fits {
            return;
        }
    }
}

#[test]
fn after_each_of_many_edits_what_is_live_is_the_last_source_that_builds() {
    let edits = number("TIDEGATE_EXTENDED_EDITS", 200);
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, VERSIONS);
    let mut random = Random::new();
    let mut dev = scripted.start();
    assert_eq!(dev.settled()["kind"], "live");
    let mut model = Model {
        version: "0".to_owned(),
        other: "fine",
        live: "0".to_owned(),
    };
    let (mut made, mut wasted) = (0, 0);
    while made < edits {
        let before = scripted.builds();
        let mut writes = 0;
        // Some edits follow at once, while the build of the one before is under way.
        for _ in 0..=pick(&mut random, 3) {
            writes += edit(&scripted, &mut model, &mut random);
            made += 1;
            if model.deploys() {
                model.live.clone_from(&model.version);
            }
            if model.deploys() {
                break;
            }
        }
        let marker = format!("{made}");
        scripted.project.write("src/marker", &marker);
        // The marker's own change is the last one, so its build sees everything.
        let seed = random.seed();
        let wanted = format!("the change of edit {made}, seed {seed}");
        dev.next(&wanted, |document| {
            document["kind"] == "changed" && document["paths"].to_string().contains("marker")
        });
        caught_up(&mut dev, &model);
        assert_eq!(
            scripted.answer(),
            model.live.as_str(),
            "edit {made}, seed {seed}"
        );
        let builds = scripted.builds() - before;
        assert!(builds >= 1, "edit {made}, seed {seed}: no build");
        assert!(
            builds <= writes + 1,
            "edit {made}, seed {seed}: {builds} builds of {writes} writes"
        );
        wasted += builds - 1;
    }
    let builds = scripted.builds();
    writeln!(
        io::stderr(),
        "{made} edits: {builds} builds, {wasted} of them overtaken"
    )
    .expect("there is a standard error");
    let _ = dev.interrupt().ok();
}

#[test]
fn under_steady_load_no_run_fails_and_each_answers_from_its_own_artifact() {
    let deploys = number("TIDEGATE_EXTENDED_DEPLOYS", 50);
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, VERSIONS);
    let mut dev = scripted.start();
    let serving = dev.next_of("serving");
    assert_eq!(dev.settled()["kind"], "live");
    let url = serving["url"].as_str().expect("it serves").to_owned();
    let url = format!("{url}/api/v1/projects/scripted/environments/development/actions/who/runs");
    let (over, runs) = (AtomicBool::new(false), AtomicUsize::new(0));
    let answers: Mutex<BTreeMap<String, String>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let run = post(&url, &json!({ "input": null }));
                    assert_eq!(run.status, 200, "{}", run.body);
                    let run: Value = run.json();
                    assert_eq!(run["status"], "succeeded", "{run}");
                    let artifact = run["artifact"].to_string();
                    let version = run["output"]["version"].to_string();
                    let mut answers = answers.lock().expect("no thread panics");
                    let known = answers.entry(artifact).or_insert_with(|| version.clone());
                    assert_eq!(*known, version, "an artifact answers as another: {run}");
                    runs.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for deploy in 1..=deploys {
            let version = u32::try_from(deploy).expect("few deploys") % VERSIONS;
            let before = runs.load(Ordering::Relaxed);
            scripted.save(&version.to_string());
            assert_eq!(dev.settled()["kind"], "live");
            harness::eventually("runs on it", || {
                (runs.load(Ordering::Relaxed) > before + 8).then_some(())
            });
        }
        over.store(true, Ordering::Relaxed);
    });
    let known = answers.into_inner().expect("no thread panics").len();
    let runs = runs.into_inner();
    assert!(
        known >= deploys.min(VERSIONS as usize),
        "{known} artifacts answered"
    );
    writeln!(
        io::stderr(),
        "{deploys} deploys under {runs} runs: none failed"
    )
    .expect("there is a standard error");
    let _ = dev.interrupt().ok();
}
