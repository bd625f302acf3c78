//! Two hundred kills of the real process; see `harness::kill_deploys`.
