//! A first day without a network: from an empty directory to a run, in a
//! network namespace that has nothing but loopback.

use std::env;
use std::process::Command;

use harness::{Dev, TestEnvironment, edit};
use serde_json::json;

/// Set where the test runs within the namespace.
const WITHIN: &str = "TIDEGATE_EXTENDED_OFFLINE";

#[test]
fn three_commands_and_an_edit_need_no_network() {
    if env::var_os(WITHIN).is_some() {
        first_day();
        return;
    }
    // What cargo needs of the registry is in its cache afterwards, as on any
    // machine that has built a project before.
    let environment = TestEnvironment::new();
    let new = ["new", "shop", "--template", "webhook"];
    let _ = environment.tidegate(new).finish().ok();
    let build = environment.tidegate(["build", "--path", "shop"]);
    let _ = build.finish().ok();

    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--", "/bin/sh", "-c"])
        .arg("ip link set lo up && exec \"$0\" \"$@\"")
        .arg(env::current_exe().expect("a running test has a file"))
        .args([
            "--exact",
            "three_commands_and_an_edit_need_no_network",
            "--nocapture",
        ])
        .env(WITHIN, "1")
        .status()
        .expect("`unshare` is part of every Debian");
    assert!(status.success(), "{status}");
}

fn first_day() {
    let connected = std::net::TcpStream::connect(("192.0.2.1", 80));
    assert!(connected.is_err(), "there is a network");
    let environment = TestEnvironment::new();
    let new = ["new", "shop", "--template", "webhook"];
    let _ = environment.tidegate(new).finish().ok();
    let shop = environment.path("shop");
    let mut dev = Dev::start(environment.tidegate(["--format", "json", "dev", "shop"]));
    assert_eq!(dev.settled()["kind"], "live");
    let run = || {
        let run = ["--format", "json", "run", "count-orders", "--input", "{}"];
        environment.tidegate(run).dir(&shop).finish().ok().json()["output"].clone()
    };
    assert_eq!(run(), json!(0));
    edit(
        &shop.join("src/lib.rs"),
        ".unwrap_or(0))",
        ".unwrap_or(0) + 40)",
    );
    assert_eq!(dev.settled()["kind"], "live");
    assert_eq!(run(), json!(40));
    let _ = dev.interrupt().ok();
}
