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

# Kill the real process at random moments of deploys with twenty webhooks
extended kills="200":
    TIDEGATE_EXTENDED_KILLS={{ kills }} cargo test --package tidegate-extended

# Measure what is promised about speed, each figure beside its floor
bench *parts:
    cargo run --release --package tidegate-bench -- {{ parts }}

# Deploy an example to development and keep what is due there going
dev path="examples/hello":
    cargo run --release -- dev {{ path }}
