//! A stand-in for GitHub's REST API on loopback: a process of its own, so that
//! what it holds survives whatever happens to the program that calls it.
//!
//! It prints one JSON line with its two addresses, `api` and `control`, and
//! ends when its standard input does, so that no test leaves it behind.

mod control;
mod github;
mod ledger;
mod modes;
mod wire;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use crate::github::Provider;

fn main() -> io::Result<()> {
    let api = TcpListener::bind("127.0.0.1:0")?;
    let control = TcpListener::bind("127.0.0.1:0")?;
    announce(&api, &control)?;
    let provider = Arc::new(Provider::default());
    serve(api, Arc::clone(&provider), github::serve);
    serve(control, provider, control::serve);
    wait_for_the_end_of_input()
}

fn announce(api: &TcpListener, control: &TcpListener) -> io::Result<()> {
    let line = serde_json::json!({
        "api": format!("http://{}", api.local_addr()?),
        "control": format!("http://{}", control.local_addr()?),
    });
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Serves every connection on a thread of its own: a held request holds no other.
fn serve(
    listener: TcpListener,
    provider: Arc<Provider>,
    handle: fn(&Provider, TcpStream) -> io::Result<()>,
) {
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let provider = Arc::clone(&provider);
            thread::spawn(move || {
                // A client that goes away in the middle is what this program is for.
                let _ = handle(&provider, connection);
            });
        }
    });
}

fn wait_for_the_end_of_input() -> io::Result<()> {
    let mut rest = [0; 64];
    while io::stdin().read(&mut rest)? > 0 {}
    Ok(())
}
