# What CI runs, whole and in parts. `just` lists the recipes.

_default:
    @just --list

# Exactly what CI runs
ci:
    .ci/run

# All tests but the extended ones
test:
    cargo test

# Formatting and lints
lint:
    .ci/run lint

# Format everything, the guests too
fmt:
    cargo fmt --all
    cargo fmt --all --manifest-path examples/Cargo.toml
    for manifest in tests/guests/*/Cargo.toml tests/bench/guest/Cargo.toml; do cargo fmt --manifest-path "$manifest"; done

# What takes long: kills at random moments, sessions of edits, deploys under load, the pages in Chromium
extended kills="200" edits="200" deploys="50":
    TIDEGATE_EXTENDED_KILLS={{ kills }} TIDEGATE_EXTENDED_EDITS={{ edits }} TIDEGATE_EXTENDED_DEPLOYS={{ deploys }} .ci/run extended

# Measure what is promised about speed, each figure beside its floor
bench *parts:
    cargo run --release --package tidegate-bench -- {{ parts }}

# Build, deploy and serve an example, again at every save
dev path="examples/hello":
    cargo run --release -- dev {{ path }}
