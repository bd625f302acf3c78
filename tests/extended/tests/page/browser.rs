//! A headless Chromium, driven from outside, that remembers what it was asked for.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use harness::eventually;
use serde_json::{Value, json};
use thirtyfour::prelude::{By, DesiredCapabilities, WebDriver, WebDriverResult};
use thirtyfour::{
    ChromiumLikeCapabilities as _, Key, LoggingPrefsLogLevel, TypingData, WebElement,
};
use tokio::runtime::Runtime;

/// The version of axe-core that `.ci/run` installs.
const AXE: &str = "node_modules/axe-core/axe.min.js";

/// Which colours the browser says that its user prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The program that drives a browser; it ends with this value.
struct Driver {
    child: Child,
    address: String,
    /// What it says goes nowhere, but must go somewhere.
    _said: Lines<BufReader<ChildStdout>>,
}

impl Driver {
    fn start() -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed, as by `.ci/run extended`");
        let stdout = child.stdout.take().expect("standard output is piped");
        let mut said = BufReader::new(stdout).lines();
        let port = said
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.rsplit_once("successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("chromedriver says which port it listens on");
        Self {
            child,
            address: format!("http://127.0.0.1:{port}"),
            _said: said,
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser with one page.
pub(crate) struct Browser {
    runtime: Runtime,
    page: Option<WebDriver>,
    /// Where pages are opened: scheme, host and port.
    origin: String,
    _driver: Driver,
}

impl Browser {
    /// Starts a browser for the pages of one server.
    pub(crate) fn start(origin: &str) -> Self {
        let driver = Driver::start();
        let runtime = Runtime::new().expect("a runtime starts");
        let page = runtime
            .block_on(open(&driver.address))
            .expect("chromium is installed, as by `.ci/run extended`, and starts");
        Self {
            runtime,
            page: Some(page),
            origin: origin.to_owned(),
            _driver: driver,
        }
    }

    fn page(&self) -> &WebDriver {
        self.page.as_ref().expect("it is there until it is dropped")
    }

    fn wait<T>(&self, work: impl Future<Output = WebDriverResult<T>>) -> T {
        self.runtime.block_on(work).expect("the browser does it")
    }

    /// Opens a page by its path.
    pub(crate) fn open(&self, path: &str) {
        self.wait(self.page().goto(format!("{}{path}", self.origin)));
    }

    /// Evaluates a script's body and returns what it returns.
    pub(crate) fn evaluate(&self, script: &str) -> Value {
        let value = self.wait(self.page().execute(script, Vec::new()));
        value.json().clone()
    }

    /// Returns the path, with its query, of the page that is open.
    pub(crate) fn path(&self) -> String {
        let value = self.evaluate("return location.pathname + location.search");
        value.as_str().expect("a page has a path").to_owned()
    }

    /// Returns the text that the page's main part shows.
    pub(crate) fn text(&self) -> String {
        let value = self.evaluate("return document.getElementById('main').innerText");
        value.as_str().expect("a page has a main part").to_owned()
    }

    /// Waits until the page shows a text.
    pub(crate) fn shows(&self, text: &str) {
        eventually(&format!("the page to show `{text}`"), || {
            self.text().contains(text).then_some(())
        });
    }

    /// Waits until a script's body returns a text.
    pub(crate) fn becomes(&self, script: &str, text: &str) {
        eventually(&format!("`{script}` to give `{text}`"), || {
            (self.evaluate(script) == text).then_some(())
        });
    }

    /// Waits until the page is up to date by itself.
    pub(crate) fn is_live(&self) {
        let script = "return document.getElementById('connection').innerText";
        self.becomes(script, "live");
    }

    /// Finds an element.
    pub(crate) fn find(&self, selector: &str) -> WebElement {
        self.wait(self.page().find(By::Css(selector)))
    }

    /// Clicks an element.
    pub(crate) fn click(&self, selector: &str) {
        self.wait(self.find(selector).click());
    }

    /// Types into whatever has the focus.
    pub(crate) fn press(&self, keys: impl Into<TypingData>) {
        self.wait(async {
            let focused = self.page().active_element().await?;
            focused.send_keys(keys).await
        });
    }

    /// Presses Ctrl and Enter.
    pub(crate) fn press_control_enter(&self) {
        self.press(Key::Control + Key::Enter);
    }

    /// Sends a command of the DevTools protocol.
    fn devtools(&self, method: &str, parameters: &Value) -> Value {
        self.wait(self.page().cdp().send_raw(method, parameters))
    }

    /// Sets the width of the page, in CSS pixels.
    pub(crate) fn set_width(&self, width: u32) {
        let metrics = json!({
            "width": width,
            "height": 900,
            "deviceScaleFactor": 1,
            "mobile": width < 600,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Sets which colours the user prefers.
    pub(crate) fn set_scheme(&self, scheme: Scheme) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme.name() });
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [feature] }),
        );
    }

    /// Lets pages run no script of theirs from now on.
    pub(crate) fn disable_scripts(&self) {
        self.devtools(
            "Emulation.setScriptExecutionDisabled",
            &json!({ "value": true }),
        );
    }

    /// Returns by how many CSS pixels the page is wider than the window.
    pub(crate) fn overflow(&self) -> i64 {
        let script = "const page = document.documentElement;
                      return page.scrollWidth - page.clientWidth";
        self.evaluate(script).as_i64().expect("a page has a width")
    }

    /// Stores a picture of the whole page below `target/`.
    pub(crate) fn picture(&self, name: &str) {
        let picture = json!({ "captureBeyondViewport": true, "format": "png" });
        let png = self.devtools("Page.captureScreenshot", &picture);
        let encoded = png["data"].as_str().expect("a picture has data");
        let decoded = thirtyfour::support::base64_decode(encoded).expect("a picture is in Base64");
        let folder = below_target("screenshots");
        fs::create_dir_all(&folder).expect("a build's directory takes another");
        fs::write(folder.join(format!("{name}.png")), decoded)
            .expect("there is room for a picture");
    }

    /// Returns what axe-core finds on the page that is serious or critical.
    pub(crate) fn accessibility_faults(&self) -> Vec<String> {
        let script = below_target("browser").join(AXE);
        let axe = fs::read_to_string(&script).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; `.ci/run extended` installs axe-core",
                script.display()
            )
        });
        self.evaluate(&axe);
        let script = "const done = arguments[arguments.length - 1];
                      axe.run().then((found) => done(found.violations), (error) => done(String(error)))";
        let found = self.wait(self.page().execute_async(script, Vec::new()));
        let found = found
            .json()
            .as_array()
            .expect("axe-core gives a list")
            .clone();
        found
            .iter()
            .filter(|fault| fault["impact"] == "serious" || fault["impact"] == "critical")
            .map(|fault| format!("{}: {}", fault["id"], fault["nodes"]))
            .collect()
    }

    /// Returns what the console has said, warnings and errors, since this was asked last.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let entries = self.wait(self.page().browser_log());
        entries
            .into_iter()
            .filter(|entry| entry.level == "SEVERE" || entry.level == "WARNING")
            .map(|entry| entry.message)
            .collect()
    }

    /// Returns the addresses outside the server that were asked for since this was asked last.
    pub(crate) fn foreign_requests(&self) -> Vec<String> {
        let entries = self.wait(self.page().get_log("performance"));
        assert!(!entries.is_empty(), "no request was recorded at all");
        entries
            .iter()
            .filter_map(|entry| {
                let entry: Value = serde_json::from_str(&entry.message).ok()?;
                let message = &entry["message"];
                (message["method"] == "Network.requestWillBeSent")
                    .then(|| message["params"]["request"]["url"].as_str())?
                    .map(str::to_owned)
            })
            .filter(|url| !url.starts_with(&format!("{}/", self.origin)))
            .filter(|url| !url.starts_with("data:") && !url.starts_with("chrome:"))
            .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(page) = self.page.take() {
            // The driver ends the browser in any case.
            let _ = self.runtime.block_on(page.quit());
        }
    }
}

async fn open(address: &str) -> WebDriverResult<WebDriver> {
    let mut wanted = DesiredCapabilities::chrome();
    for argument in [
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--no-first-run",
        "--disable-sync",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-default-apps",
        // A request to anywhere else fails, and is recorded.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ] {
        wanted.add_arg(argument)?;
    }
    wanted.set_browser_log_level(LoggingPrefsLogLevel::All)?;
    wanted.set_logging_prefs("performance", LoggingPrefsLogLevel::All)?;
    WebDriver::new(address, wanted).await
}

/// Returns a path in the directory that all builds share.
fn below_target(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a running test has a file");
    let target = test
        .ancestors()
        .find(|directory| directory.ends_with("deps"))
        .and_then(Path::parent)
        .and_then(Path::parent)
        .expect("a test lies in a profile's `deps`");
    target.join(name)
}
