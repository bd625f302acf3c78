//! Killing the real process in the middle of deploys, and counting what is left at the provider.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::component::with_settings;
use crate::environment::TestEnvironment;
use crate::guests;
use crate::project::Project;
use crate::provider::{Hook, Provider};
use crate::random::Random;

/// How many webhooks the guest has.
const WEBHOOKS: u32 = 20;

/// How long the provider takes for a call, so that kills fall into calls too.
const CALL_MS: u64 = 8;

/// How it can be found out what a call did whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// The guest has `check`.
    Check,
    /// The provider honours the idempotency key.
    Key,
    /// Neither.
    None,
}

/// What to do how often.
#[derive(Debug, Clone, Copy)]
pub struct KillTest {
    /// The number of deploys to kill.
    pub kills: u32,
    /// How lost answers are recovered from.
    pub knowledge: Knowledge,
}

/// What was counted over all kills, from the provider's ledger.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Deploys that were killed before they ended.
    pub kills: u32,
    /// Deploys that had ended before they could be killed.
    pub too_late: u32,
    /// Hooks at addresses that no live registration has.
    pub orphans: usize,
    /// Second hooks at one address.
    pub doubles: usize,
    /// Doubles whose webhook `status` does not list as doubtful.
    pub unlisted_doubles: usize,
    /// Doubles beyond one for each webhook whose step was running at the kill.
    pub excess_doubles: usize,
    /// Webhooks without a hook.
    pub missing: usize,
    /// Times when the environment held objects of two deploys.
    pub mixtures: usize,
    /// Recoveries that did not end as the uninterrupted deploy does.
    pub not_recovered: usize,
    /// The seed of the moments of the kills.
    pub seed: u64,
}

impl Counts {
    /// Returns whether nothing at all went wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.orphans == 0
            && self.doubles == 0
            && self.missing == 0
            && self.mixtures == 0
            && self.not_recovered == 0
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills ({} too late): {} orphans, {} doubles ({} not listed, {} too many), \
             {} missing, {} mixtures, {} not recovered; TIDEGATE_EXTENDED_SEED={}",
            self.kills,
            self.too_late,
            self.orphans,
            self.doubles,
            self.unlisted_doubles,
            self.excess_doubles,
            self.missing,
            self.mixtures,
            self.not_recovered,
            self.seed,
        )
    }
}

/// Kills deploys at random moments, recovers each, and counts.
///
/// # Panics
/// When something other than a deploy that was killed fails.
#[must_use]
pub fn kill_deploys(test: KillTest) -> Counts {
    let environment = TestEnvironment::new();
    let mut bench = Bench::new(&environment, test.knowledge);
    let targets = bench.targets();
    let durations = bench.measure(&targets);
    let mut random = Random::new();
    let mut counts = Counts {
        seed: random.seed(),
        ..Counts::default()
    };
    while counts.kills < test.kills && counts.too_late <= 2 * test.kills {
        for (target, duration) in targets.iter().zip(&durations) {
            if counts.kills == test.kills {
                break;
            }
            let moment = duration.mul_f64(random.fraction());
            bench.round(target, moment, &mut counts);
        }
    }
    counts
}

/// What a deploy brings live.
struct Target {
    version: String,
    webhooks: u32,
    component: Vec<u8>,
}

struct Bench<'a> {
    project: Project<'a>,
    provider: Provider,
    knowledge: Knowledge,
    /// The version that is live.
    live: String,
}

impl<'a> Bench<'a> {
    fn new(environment: &'a TestEnvironment, knowledge: Knowledge) -> Self {
        let provider = Provider::start();
        provider.set(&json!({
            "delay_ms": CALL_MS,
            "allow_duplicates": true,
            "honour_key": knowledge == Knowledge::Key,
        }));
        let project = environment.project("hooks", guests::hooks20());
        let _ = project.set_secret("TOKEN", "a token of some length").ok();
        let _ = project.set_variable("API_URL", provider.url()).ok();
        project.allow_host(provider.host());
        Self {
            project,
            provider,
            knowledge,
            live: String::new(),
        }
    }

    /// The targets follow one another in a ring: every webhook is new, then
    /// each is replaced, then half of them go and come back in another form.
    fn targets(&self) -> Vec<Target> {
        let target = |version: &str, webhooks: u32| {
            let settings = json!({
                "version": version,
                "count": webhooks,
                "basis": version,
                "check": self.knowledge == Knowledge::Check,
            });
            Target {
                version: version.to_owned(),
                webhooks,
                component: with_settings(guests::hooks20(), &settings),
            }
        };
        vec![
            target("all", WEBHOOKS),
            target("again", WEBHOOKS),
            target("half", WEBHOOKS / 2),
            target("none", 0),
        ]
    }

    /// Deploys each target without disturbance, as often as it takes to be warm.
    fn measure(&mut self, targets: &[Target]) -> Vec<Duration> {
        let mut durations = Vec::new();
        for _ in 0..2 {
            durations = targets
                .iter()
                .map(|target| {
                    self.project.set_component(&target.component);
                    let began = Instant::now();
                    let _ = self.project.deploy().ok();
                    self.live.clone_from(&target.version);
                    began.elapsed()
                })
                .collect();
        }
        durations
    }

    /// Kills one deploy, recovers, and counts.
    fn round(&mut self, target: &Target, moment: Duration, counts: &mut Counts) {
        self.project.set_component(&target.component);
        let deploy = self.project.tidegate(["deploy", "--env", "development"]);
        let mut deploy = deploy.start();
        // The moment of the kill is the test's input, not a wait for something.
        thread::sleep(moment);
        if deploy.is_running() {
            counts.kills += 1;
        } else {
            counts.too_late += 1;
        }
        let _ = deploy.kill();
        self.look_for_mixtures(target, counts);
        let running = self.running_webhooks();
        self.recover(target, counts);
        self.count_hooks(target, &running, counts);
    }

    /// Reads the objects as the kill left them, before anybody recovers.
    fn look_for_mixtures(&self, target: &Target, counts: &mut Counts) {
        let versions: BTreeSet<String> = self
            .project
            .items(&["objects", "list"])
            .iter()
            .filter(|object| object["state"] == "live")
            .filter_map(|object| object["declaration"]["title"].as_str())
            .filter_map(|title| title.rsplit(' ').next().map(str::to_owned))
            .collect();
        let one = versions.len() == 1;
        let known = versions.contains(&self.live) || versions.contains(&target.version);
        if !one || !known {
            counts.mixtures += 1;
        }
    }

    /// Returns the webhooks whose steps were running when the process died.
    fn running_webhooks(&self) -> BTreeSet<String> {
        webhooks_in(&self.project.status()["steps"], |step| {
            step["state"] == "running"
        })
    }

    /// Deploys the same target once more, which takes up whatever was left.
    fn recover(&mut self, target: &Target, counts: &mut Counts) {
        let outcome = self.project.deploy();
        if outcome.code != Some(0) || outcome.json()["status"] != "succeeded" {
            counts.not_recovered += 1;
        }
        let live = self.project.items(&["objects", "list"]);
        let live = live.iter().filter(|object| object["state"] == "live");
        // The action beside the webhooks is one more.
        if live.count() != target.webhooks as usize + 1 {
            counts.not_recovered += 1;
        }
        self.live.clone_from(&target.version);
    }

    /// Counts what the provider holds against what it should, and tidies up.
    fn count_hooks(&self, target: &Target, running: &BTreeSet<String>, counts: &mut Counts) {
        let ledger = self.provider.settled_ledger();
        let doubtful = self.doubtful_webhooks();
        let mut by_repository: BTreeMap<&str, Vec<&Hook>> = BTreeMap::new();
        for hook in &ledger.hooks {
            by_repository
                .entry(&hook.repository)
                .or_default()
                .push(hook);
        }
        let mut keep = Vec::new();
        for number in 1..=WEBHOOKS {
            let webhook = format!("hook-{number:02}");
            let hooks = by_repository.remove(format!("acme/{webhook}").as_str());
            let mut hooks = hooks.unwrap_or_default();
            if number > target.webhooks {
                counts.orphans += hooks.len();
                continue;
            }
            let Some(newest) = hooks.pop() else {
                counts.missing += 1;
                continue;
            };
            keep.push(newest.id);
            let (doubles, orphans): (Vec<_>, Vec<_>) =
                hooks.into_iter().partition(|hook| hook.url == newest.url);
            counts.orphans += orphans.len();
            counts.doubles += doubles.len();
            if !doubtful.contains(&webhook) {
                counts.unlisted_doubles += doubles.len();
            }
            let possible = usize::from(running.contains(&webhook));
            counts.excess_doubles += doubles.len().saturating_sub(possible);
        }
        self.provider.keep_hooks(&keep);
    }

    fn doubtful_webhooks(&self) -> BTreeSet<String> {
        webhooks_in(&self.project.status()["doubtful"], |_| true)
    }
}

/// Returns the webhooks that some of a list's items are about.
fn webhooks_in(list: &Value, which: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .filter(|item| which(item))
        .filter_map(|item| item["webhook"].as_str().map(str::to_owned))
        .collect()
}
