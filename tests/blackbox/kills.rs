//! A short form of the kills in `tests/extended`.

use harness::{KillTest, Knowledge, kill_deploys};

#[test]
fn kills_with_check_leave_no_orphan_no_double_and_no_mixture() {
    let counts = kill_deploys(KillTest {
        kills: 10,
        knowledge: Knowledge::Check,
    });
    assert!(counts.is_clean(), "{counts}");
    assert_eq!(counts.kills, 10, "{counts}");
}

#[test]
fn kills_without_check_or_key_leave_only_doubles_that_are_listed() {
    let counts = kill_deploys(KillTest {
        kills: 5,
        knowledge: Knowledge::None,
    });
    let wrong = counts.orphans
        + counts.missing
        + counts.mixtures
        + counts.excess_doubles
        + counts.unlisted_doubles;
    assert_eq!(wrong, 0, "{counts}");
    assert_eq!(counts.kills, 5, "{counts}");
}
