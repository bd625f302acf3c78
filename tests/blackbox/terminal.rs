//! The dev loop in a terminal: keys, sizes, and the end by Ctrl-C.

use std::fs;
use std::path::PathBuf;

use harness::{Scripted, Terminal, TestEnvironment, eventually};

/// Starts `dev` in a terminal and waits until something is live.
fn live(scripted: &Scripted<'_>) -> (Terminal, usize) {
    let dev = scripted.project.text(["dev", "--port", "0"]);
    let terminal = Terminal::start(&dev);
    let at = terminal.shows_after(0, "deploy 1 is live");
    let at = terminal.shows_after(at, "h for help");
    (terminal, at)
}

#[test]
fn keys_help_deploy_run_and_quit() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, 2);
    let (mut terminal, at) = live(&scripted);
    assert!(!terminal.takes_lines(), "keys are taken one by one");

    terminal.types("h");
    let at = terminal.shows_after(at, "open the page in a browser");
    terminal.types("l");
    let at = terminal.shows_after(at, "every line of the log is shown");
    terminal.types("d");
    let at = terminal.shows_after(at, "deploy 2 is live");

    terminal.types("r");
    let at = terminal.shows_after(at, "input of who");
    assert!(terminal.takes_lines(), "an answer can be edited");
    terminal.types("null\r");
    let at = terminal.shows_after(at, "\"version\": \"0\"");
    scripted.save("1");
    let _ = terminal.shows_after(at, "deploy 3 is live");

    let id = terminal.id();
    terminal.types("q");
    assert_eq!(terminal.wait(), Some(0));
    assert!(!PathBuf::from(format!("/proc/{id}")).exists());
}

#[test]
fn a_terminal_may_change_its_size_at_any_time() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, 2);
    let (mut terminal, mut at) = live(&scripted);
    for (columns, rows) in [(20, 5), (200, 60), (1, 1), (80, 24)] {
        terminal.resize(columns, rows);
        terminal.types("d");
        at = terminal.shows_after(at, "is live");
    }
    terminal.types("q");
    assert_eq!(terminal.wait(), Some(0));
}

#[test]
fn ctrl_c_during_a_build_ends_it_and_gives_the_terminal_back() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, 2);
    let (mut terminal, _) = live(&scripted);
    let pid = scripted.outside("pid");
    // It would go on for ever, in a child of the build's own shell.
    let script = format!(
        "sh -c 'echo $$ > {0}.new; mv {0}.new {0}; while :; do :; done'\n",
        pid.display()
    );
    scripted.project.write("build.sh", &script);
    let build = eventually("the build", || fs::read_to_string(&pid).ok());
    terminal.types("\u{3}");
    assert_eq!(terminal.wait(), Some(0));
    let process = PathBuf::from(format!("/proc/{}", build.trim()));
    eventually("the end of the build's processes", || {
        (!process.exists()).then_some(())
    });
}
