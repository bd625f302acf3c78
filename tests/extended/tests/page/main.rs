//! The pages in a real browser, served by the real program while it runs `dev`.
//!
//! Pictures of every page, in light and dark, wide and narrow, are left in
//! `target/screenshots`.

mod browser;

use harness::{Dev, Project, Provider, TestEnvironment, copy_example, edit, github};
use serde_json::{Value, json};

use self::browser::{Browser, Scheme};

/// A project with something of everything: a subscription that is to be
/// replaced, a run that went well and one that did not, deploys that are not done.
struct Busy<'a> {
    project: Project<'a>,
    dev: Dev,
    origin: String,
}

impl<'a> Busy<'a> {
    fn start(environment: &'a TestEnvironment) -> Self {
        let provider = Provider::start();
        let project = environment.project("github", github());
        let mut dev = Dev::start(project.tidegate(["dev"]));
        let origin = served(&mut dev);
        dev.settled();
        // Until the last value is set the deploys that follow are not done, and say so.
        let _ = project.set_secret("GITHUB_TOKEN", "a token for the tests");
        let _ = project.set_secret("WEBHOOK_SECRET", "a secret of the tests");
        project.allow_host(provider.host());
        let _ = project.set_variable("GITHUB_API_URL", provider.url());
        let _ = project.set_variable("REPOSITORY", "octo/hello");
        let _ = project.set_variable("EVENTS", "push").ok();
        let issue = json!({ "title": "A leak", "body": "It drips.\nFor days." });
        let _ = project.run("create-issue", &issue).ok();
        // With the provider gone a run fails, and a change of the subscription stays owed.
        drop(provider);
        let _ = project.run("create-issue", &issue).exits(1);
        let _ = project.set_variable("EVENTS", "push,issues");
        Self {
            project,
            dev,
            origin,
        }
    }

    /// Returns the pages, each with a name for its pictures.
    fn pages(&self) -> Vec<(&'static str, String)> {
        let at = "/projects/github/environments/development";
        let subscription = self.first("subscriptions", "registration");
        let run = self.first("runs", "run");
        let deploy = self.first("deploys", "deploy");
        vec![
            ("overview", at.to_owned()),
            ("objects", format!("{at}/objects")),
            ("action", format!("{at}/objects/action/create-issue")),
            ("webhook", format!("{at}/objects/webhook/repository-events")),
            ("integration", format!("{at}/objects/integration/github")),
            ("deploys", format!("{at}/deploys")),
            ("deploy", format!("{at}/deploys/{deploy}")),
            ("first-deploy", format!("{at}/deploys/1")),
            ("runs", format!("{at}/runs")),
            ("run", format!("{at}/runs/{run}")),
            ("deliveries", format!("{at}/deliveries")),
            ("subscriptions", format!("{at}/subscriptions")),
            ("subscription", format!("{at}/subscriptions/{subscription}")),
            ("values", format!("{at}/values")),
            ("project", "/projects/github".to_owned()),
            ("environments", "/environments".to_owned()),
            ("artifacts", "/artifacts".to_owned()),
            ("nowhere", "/nowhere".to_owned()),
        ]
    }

    /// Returns the first item that a command lists, by its number.
    fn first(&self, what: &str, field: &str) -> Value {
        let listed = self
            .project
            .tidegate([what, "list", "--env", "development"])
            .finish()
            .ok()
            .json();
        listed["items"][0][field].clone()
    }
}

/// Returns where a dev loop serves its pages.
fn served(dev: &mut Dev) -> String {
    let serving = dev.next_of("serving");
    let url = serving["url"].as_str().expect("dev says where it serves");
    url.trim_end_matches('/').to_owned()
}

#[test]
fn every_page_reads_well_wide_and_narrow_light_and_dark() {
    let environment = TestEnvironment::new();
    let busy = Busy::start(&environment);
    let browser = Browser::start(&busy.origin);
    let mut faults = Vec::new();
    for (name, path) in busy.pages() {
        for scheme in [Scheme::Light, Scheme::Dark] {
            for width in [1280, 390] {
                browser.set_scheme(scheme);
                browser.set_width(width);
                browser.open(&path);
                browser.picture(&format!("{name}-{}-{width}", scheme.name()));
                let overflow = browser.overflow();
                if overflow > 0 {
                    faults.push(format!("{name} at {width}: {overflow} px too wide"));
                }
                for fault in browser.accessibility_faults() {
                    faults.push(format!("{name} at {width}, {}: {fault}", scheme.name()));
                }
            }
        }
        // That a page is not there is told as an error, which it is.
        if name == "nowhere" {
            browser.complaints();
        }
        faults.extend(browser.complaints());
        faults.extend(browser.foreign_requests());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    drop(browser);
    let _ = busy.dev.interrupt();
}

#[test]
fn a_button_says_beside_it_what_came_of_it() {
    let environment = TestEnvironment::new();
    let busy = Busy::start(&environment);
    let browser = Browser::start(&busy.origin);
    let at = "/projects/github/environments/development";
    browser.open(&format!("{at}/subscriptions"));
    browser.is_live();
    browser.click("form[data-path$='/subscriptions/retry'] button");
    browser.becomes("return document.querySelector('output').innerText", "done");
    // What was opened stays open while the page is brought up to date, and only then acts.
    let subscription = busy.first("subscriptions", "registration");
    browser.open(&format!("{at}/subscriptions/{subscription}"));
    browser.is_live();
    browser.click("details.sure summary");
    let _ = busy.project.set_variable("REPOSITORY", "octo/other");
    browser.click("button.danger");
    let list = format!("{at}/subscriptions");
    browser.becomes("return location.pathname", &list);
    assert!(!browser.text().contains(&format!("\n{subscription}\t")));
    drop(browser);
    let _ = busy.dev.interrupt();
}

#[test]
fn a_deploy_shows_up_by_itself_and_what_was_typed_stays() {
    let environment = TestEnvironment::new();
    let source = copy_example(&environment, "hello", "page-hello");
    let mut dev = Dev::start(
        environment
            .tidegate(["--format", "json", "dev"])
            .arg(&source),
    );
    let origin = served(&mut dev);
    let browser = Browser::start(&origin);
    dev.settled();
    let at = "/projects/hello/environments/development";

    browser.open(&format!("{at}/deploys"));
    browser.is_live();
    browser.evaluate("window.neverReloaded = true; document.querySelector('tbody a').focus()");
    edit(
        &source.join("src/lib.rs"),
        "Greet somebody",
        "Greet anybody",
    );
    dev.settled();
    browser.shows("2 live");
    assert_eq!(browser.evaluate("return window.neverReloaded"), true);
    assert_eq!(
        browser.evaluate("return document.activeElement.innerText"),
        "1"
    );

    browser.open(&format!("{at}/objects/action/greet"));
    browser.is_live();
    browser.shows("Greet anybody");
    browser.evaluate("document.getElementById('payload').select()");
    browser.press("{\"name\": \"Ada\"");
    edit(
        &source.join("src/lib.rs"),
        "Greet anybody",
        "Greet everybody",
    );
    dev.settled();
    browser.shows("Greet everybody");
    let typed = browser.evaluate("return document.getElementById('payload').value");
    assert_eq!(typed, "{\"name\": \"Ada\"");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    drop(browser);
    let _ = dev.interrupt();
}

#[test]
fn an_action_runs_from_its_page_and_wrong_input_is_told_beside_it() {
    let environment = TestEnvironment::new();
    let project = environment.project("hello", harness::hello());
    let mut dev = Dev::start(project.tidegate(["dev"]));
    let origin = served(&mut dev);
    dev.settled();
    let browser = Browser::start(&origin);
    let at = "/projects/hello/environments/development";
    browser.open(&format!("{at}/objects/action/greet"));

    // By keyboard alone: into the field, all of it, and off.
    browser.evaluate("document.getElementById('payload').focus()");
    browser.evaluate("document.getElementById('payload').select()");
    browser.press("{\"name\": ");
    browser.press_control_enter();
    browser.shows("This is not JSON");
    browser.press("7}");
    browser.press_control_enter();
    browser.shows("/name");
    browser.evaluate("document.getElementById('payload').select()");
    browser.press("{\"name\": \"Ada\"}");
    browser.press_control_enter();
    browser.shows("Hello, Ada!");

    browser.click("output a");
    browser.shows("Hello, Ada!");
    assert_eq!(browser.path(), format!("{at}/runs/1"));
    browser.click("form[data-body='{}'] button");
    browser.shows("replay of run 1");
    assert_eq!(browser.path(), format!("{at}/runs/2"));
    // Input that was refused was told by the server with its status, and by nothing else.
    let complaints = browser.complaints();
    assert!(
        complaints.iter().all(|complaint| complaint.contains("422")),
        "{complaints:?}"
    );
    assert_eq!(browser.foreign_requests(), Vec::<String>::new());
    drop(browser);
    let _ = dev.interrupt();
}

#[test]
fn without_a_script_a_page_has_the_commands_and_no_button() {
    let environment = TestEnvironment::new();
    let project = environment.project("hello", harness::hello());
    let mut dev = Dev::start(project.tidegate(["dev"]));
    let origin = served(&mut dev);
    dev.settled();
    let browser = Browser::start(&origin);
    browser.disable_scripts();
    browser.open("/projects/hello/environments/development/objects/action/greet");
    let text = browser.text();
    assert!(text.contains("tidegate run greet"), "{text}");
    assert!(!text.contains("Ctrl+Enter"), "{text}");
    browser.open("/projects/hello/environments/development/deploys");
    assert!(browser.text().contains("1 live"), "{}", browser.text());
    drop(browser);
    let _ = dev.interrupt();
}
