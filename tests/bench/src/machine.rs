//! What the figures depend on besides the code.

use std::fs;
use std::thread::available_parallelism;

use wasmtime::PoolingAllocationConfig;

/// Describes the machine in a few lines.
pub(crate) fn facts() -> String {
    let cores = available_parallelism().map_or(0, usize::from);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown CPU", |(_, name)| name);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown");
    let scan = if PoolingAllocationConfig::is_pagemap_scan_available() {
        "available, and used by both sides"
    } else {
        "not available: figures of calls on several threads are three times worse"
    };
    format!(
        "{cores} cores, {cpu}, kernel {}\npagemap_scan is {scan}\nload average at the start: {load}",
        kernel.trim()
    )
}
