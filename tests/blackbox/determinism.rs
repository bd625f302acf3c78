//! The same artifact gives the same deploy list, wherever and whenever it is collected.

use std::collections::BTreeSet;

use harness::{TestEnvironment, hostile, with_settings};
use serde_json::json;

const ZONES: [&str; 5] = [
    "UTC",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Antarctica/Troll",
];

#[test]
fn an_artifact_that_asks_for_clock_zone_and_chance_always_lists_the_same() {
    // It puts everything into a title that could differ.
    let component = with_settings(hostile(), &json!({ "collect": "environs" }));
    let environment = TestEnvironment::new();
    let mut hashes = BTreeSet::new();
    let mut titles = BTreeSet::new();
    for (n, zone) in ZONES.iter().enumerate() {
        // Each project has a store of its own, which collects anew.
        let project = environment.project(&format!("hostile-{n}"), &component);
        for place in ["development", "staging"] {
            let plan = project
                .tidegate(["plan", "--env", place])
                .var("TZ", zone)
                .var("LANG", format!("xx_{n}"))
                .var("HOSTNAME", format!("host-{n}"));
            let plan = plan.finish().ok().json();
            hashes.insert(plan["deploy_list_hash"].to_string());
        }
        let _ = project.deploy().ok();
        let shown = [
            "objects",
            "show",
            "action",
            "environs",
            "--env",
            "development",
        ];
        let shown = project.tidegate(shown).finish().ok().json();
        titles.insert(shown["object"]["declaration"]["title"].to_string());
    }
    assert_eq!(hashes.len(), 1, "{hashes:?}");
    assert_eq!(titles.len(), 1, "{titles:?}");
    let title = titles.pop_first().unwrap_or_default();
    assert!(title.contains("random"), "the guest did ask: {title}");
}
