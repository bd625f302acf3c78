//! Kills of the real process at random moments of deploys with twenty webhooks.
//!
//! `TIDEGATE_EXTENDED_KILLS` sets how many of each kind (200), and
//! `TIDEGATE_EXTENDED_SEED` gives the moments of an earlier run again.

use std::env;
use std::io::{self, Write};

use harness::{Counts, KillTest, Knowledge, kill_deploys};

fn counted(knowledge: Knowledge) -> Counts {
    let kills = match env::var("TIDEGATE_EXTENDED_KILLS") {
        Ok(text) => text.parse().expect("TIDEGATE_EXTENDED_KILLS is a number"),
        Err(_) => 200,
    };
    let counts = kill_deploys(KillTest { kills, knowledge });
    // Past the test runner's capture: the counts are what this is for.
    writeln!(io::stderr(), "{knowledge:?}: {counts}").expect("there is a standard error");
    assert_eq!(counts.kills, kills, "deploys end before they can be killed");
    counts
}

#[test]
fn with_check_no_kill_leaves_an_orphan_a_double_or_a_mixture() {
    let counts = counted(Knowledge::Check);
    assert!(counts.is_clean(), "{counts}");
}

#[test]
fn with_a_provider_that_honours_the_key_no_kill_leaves_an_orphan_a_double_or_a_mixture() {
    let counts = counted(Knowledge::Key);
    assert!(counts.is_clean(), "{counts}");
}

#[test]
fn with_neither_a_kill_leaves_at_most_one_listed_double_per_running_step() {
    let counts = counted(Knowledge::None);
    assert_eq!(counts.mixtures, 0, "{counts}");
    assert_eq!(counts.missing, 0, "{counts}");
    assert_eq!(counts.orphans, 0, "{counts}");
    assert_eq!(counts.excess_doubles, 0, "{counts}");
    assert_eq!(counts.unlisted_doubles, 0, "{counts}");
}
