//! What goes up to a limit, or past it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime};

use outgoing::{Request, send};
use serde_json::{Value, json};
use wasip2::http::types::Fields;
use wasip2::random::random::get_random_bytes;

use crate::bindings::tidegate::project::log::{self, Level};
use crate::bindings::tidegate::project::{kv, values};

const MIB: usize = 1 << 20;

/// Does something, and returns the result as JSON.
pub(crate) fn act(what: &str, amount: u64) -> Result<String, String> {
    let size = usize::try_from(amount).map_err(|error| error.to_string())?;
    match what {
        "" => {}
        "spin" if amount == 0 => spin_for_ever(),
        "spin" => spin_for(Duration::from_millis(amount)),
        "wait" => std::thread::sleep(Duration::from_millis(amount)),
        "memory" => fill(size),
        "recurse" => drop(black_box(recurse(amount))),
        "panic" => panic!("a panic as ordered"),
        "exit" => std::process::exit(3),
        "log" => (0..amount).for_each(|n| log::write(Level::Info, &format!("line {n}"), &[])),
        "print" => (0..amount).for_each(|n| println!("line {n}")),
        "log-bytes" => log::write(Level::Info, &"x".repeat(size), &[]),
        "output" => return Ok(format!("\"{}\"", "x".repeat(size - 2))),
        "not-json" => return Ok("{".to_owned()),
        "requests" => return request_times(amount),
        "send-bytes" => return upload(size),
        "receive-bytes" => return download(amount),
        "elsewhere" => return get("http://example.test/").map(|_| "null".to_owned()),
        "field" => drop(Fields::from_list(&[(
            "x-long".to_owned(),
            vec![b'x'; size],
        )])),
        "random" => return Ok(get_random_bytes(amount).len().to_string()),
        "handles" => drop(black_box(hold_handles(size))),
        "kv-value" => set("key", size)?,
        "kv-key" => set(&"k".repeat(size), 1)?,
        "kv-run" => (0..size).try_for_each(|n| set(&format!("key-{n}"), 64 * 1024))?,
        "kv-read" => return Ok(json!(kv::keys("", 1000).map_err(words)?).to_string()),
        "kv-set-and-fail" => {
            set("left-over", 1)?;
            return Err("failed after writing".to_owned());
        }
        "undeclared" => {
            return values::secret("OTHER")
                .map(|_| String::new())
                .map_err(words);
        }
        "secret-in-output" => return Ok(json!({ "leak": token()? }).to_string()),
        "secret-in-log" => log::write(Level::Warn, &format!("leak: {}", token()?), &[]),
        "secret-printed" => println!("leak: {}", token()?),
        "secret-printed-then-spin" => {
            println!("leak: {}", token()?);
            spin_for_ever();
        }
        "secret-in-error" => return Err(format!("leak: {}", token()?)),
        "secret-in-panic" => panic!("leak: {}", token()?),
        "secret-in-base64" => return Ok(json!({ "leak": base64(&token()?) }).to_string()),
        "host" => return Ok(what_the_host_shows().to_string()),
        "environs" => return Ok(environs().to_string()),
        other => return Err(format!("{other:?} is not something to do")),
    }
    Ok("null".to_owned())
}

/// Never returns.
pub(crate) fn spin_for_ever() -> ! {
    let mut n = 0_u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

fn spin_for(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        black_box(());
    }
}

fn fill(mib: usize) {
    let blocks: Vec<Vec<u8>> = (0..mib).map(|n| vec![n as u8 | 1; MIB]).collect();
    black_box(blocks);
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if depth == 0 {
        return frame[31];
    }
    recurse(depth - 1).wrapping_add(black_box(frame[7]))
}

fn hold_handles(count: usize) -> Vec<Fields> {
    (0..count).map(|_| Fields::new()).collect()
}

fn set(key: &str, size: usize) -> Result<(), String> {
    kv::set(key, &vec![1; size]).map_err(words)
}

fn token() -> Result<String, String> {
    let token = values::secret("TOKEN").map_err(words)?;
    token.ok_or_else(|| "secret TOKEN has no value".to_owned())
}

fn target() -> Result<String, String> {
    let target = values::variable("TARGET").map_err(words)?;
    target.ok_or_else(|| "variable TARGET has no value".to_owned())
}

fn words(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

fn get(url: &str) -> Result<Vec<u8>, String> {
    let answer = send(&Request {
        method: "GET",
        url,
        headers: &[],
        body: &[],
    })?;
    Ok(answer.body)
}

fn request_times(count: u64) -> Result<String, String> {
    let url = format!("{}/bytes/1", target()?);
    (0..count).try_for_each(|_| get(&url).map(drop))?;
    Ok(count.to_string())
}

fn download(amount: u64) -> Result<String, String> {
    let body = get(&format!("{}/bytes/{amount}", target()?))?;
    Ok(body.len().to_string())
}

fn upload(size: usize) -> Result<String, String> {
    let answer = send(&Request {
        method: "POST",
        url: &format!("{}/bytes", target()?),
        headers: &[],
        body: &vec![b'x'; size],
    })?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for piece in text.as_bytes().chunks(3) {
        let mut word = [0; 3];
        word[..piece.len()].copy_from_slice(piece);
        let bits = u32::from_be_bytes([0, word[0], word[1], word[2]]);
        for digit in 0..=piece.len() {
            out.push(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63] as char);
        }
    }
    out
}

/// Tries every way out of the sandbox that the standard library knows.
fn what_the_host_shows() -> Value {
    json!({
        "file": std::fs::read_to_string("/etc/passwd").is_ok(),
        "written": std::fs::write("planted", "x").is_ok(),
        "directory": std::fs::read_dir("/").is_ok(),
        "variables": std::env::vars().count(),
        "arguments": std::env::args().count(),
        "socket": TcpStream::connect("127.0.0.1:80").is_ok(),
        "thread": std::thread::Builder::new().spawn(|| ()).is_ok(),
        "process": std::process::Command::new("true").spawn().is_ok(),
        "input": std::io::read_to_string(std::io::stdin()).unwrap_or_default(),
    })
}

/// Everything that differs between hosts and moments, if the host lets it.
fn environs() -> Value {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let began = Instant::now();
    let first = now().unwrap_or_default().as_nanos() as u64;
    std::thread::sleep(Duration::from_millis(50));
    let shuffled: HashMap<u32, u32> = (0..64).map(|n| (n, n)).collect();
    let zero = black_box(0.0_f64);
    json!({
        "clock": first,
        "later": now().unwrap_or_default().as_nanos() as u64,
        "elapsed": began.elapsed().as_nanos() as u64,
        "hash": RandomState::new().hash_one("x"),
        "order": shuffled.keys().collect::<Vec<_>>(),
        "random": get_random_bytes(16),
        "nan": (zero / black_box(0.0)).to_bits(),
        "zone": std::env::var("TZ").ok(),
    })
}
