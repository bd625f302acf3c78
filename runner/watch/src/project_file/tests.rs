use super::*;

fn parsed(text: &str) -> Result<ProjectFile, Vec<String>> {
    parse(text, PathBuf::from("/p")).map_err(|faults| {
        faults
            .iter()
            .map(|fault| format!("{}: {}", fault.line, fault.message))
            .collect()
    })
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(parsed(text).unwrap_err(), expected, "{text}");
}

#[test]
fn a_name_is_enough() {
    assert_eq!(
        parsed("name = \"orders\"").unwrap(),
        ProjectFile {
            root: PathBuf::from("/p"),
            name: "orders".parse().unwrap(),
            component: None,
            build_command: None,
            build_timeout: DEFAULT_BUILD_TIMEOUT,
            limits: ProjectLimits::default(),
        }
    );
}

#[test]
fn everything_that_can_be_said_is_read() {
    let text = r#"
        name = "orders"
        component = "dist/orders.wasm"
        [build]
        command = "make all"
        timeout_seconds = 90
        [limits]
        wall_ms = 5_000
        cpu_ms = 1
        memory = 0x100_0000
        table_elements = 7
        returned = 8
        log_lines = 9
        log_bytes = 10
        requests = 0
        body = 11
    "#;
    let limits = ProjectLimits {
        wall: Some(Duration::from_secs(5)),
        cpu: Some(Duration::from_millis(1)),
        memory: Some(16 << 20),
        table_elements: Some(7),
        returned: Some(8),
        log_lines: Some(9),
        log_bytes: Some(10),
        requests: Some(0),
        body: Some(11),
    };
    let project = parsed(text).unwrap();
    assert_eq!(project.component, Some(PathBuf::from("dist/orders.wasm")));
    assert_eq!(project.build_command.as_deref(), Some("make all"));
    assert_eq!(project.build_timeout, Duration::from_secs(90));
    assert_eq!(project.limits, limits);

    let lowered = limits.lower(&Limits::operations());
    assert_eq!(lowered.wall, Duration::from_secs(5));
    assert_eq!(lowered.cpu, Duration::from_millis(1));
    assert_eq!(lowered.memory, 16 << 20);
    assert_eq!(lowered.table_elements, 7);
    assert_eq!(lowered.returned, 8);
    assert_eq!(lowered.log_lines, 9);
    assert_eq!(lowered.log_bytes, 10);
    assert_eq!(lowered.requests, 0);
    assert_eq!(lowered.body, 11);
}

#[test]
fn a_limit_above_the_operators_changes_nothing() {
    let operator = Limits::operations();
    let project =
        parsed("name = \"a\"\n[limits]\nwall_ms = 9_000_000\nlog_lines = 5_000_000_000").unwrap();
    assert_eq!(project.limits.lower(&operator), operator);
    assert_eq!(ProjectLimits::default().lower(&operator), operator);
}

#[test]
fn every_fault_is_told_with_its_line() {
    check("", &["1: `name` is missing, as in `name = \"my-project\"`"]);
    check(
        "name = 'a b'",
        &[
            "1: the project `a b` is not a name: the character U+0020 is not allowed, only the letters a to z and A to Z, digits, `-` and `_`",
        ],
    );
    check(
        "name = 7",
        &["1: `name` is a whole number, a string is expected"],
    );
    check(
        "nmae = \"a\"\n\n[bulid]\ncommand = \"x\"\n[environments.production]\npublic_url = \"x\"",
        &[
            "1: unknown key `nmae`: did you mean `name`?",
            "1: `name` is missing, as in `name = \"my-project\"`",
            "3: unknown key `bulid`: did you mean `build`?",
            "5: unknown key `environments`: the keys here are `name`, `component`, `build`, `limits`",
        ],
    );
    check(
        "name = \"a\"\n[build]\ncomand = \"x\"\ntimeout_seconds = 0\n[limits]\nwal_ms = 1\ncpu_ms = -1\nmemory = 1.5\nreturned = \"1\"",
        &[
            "3: unknown key `comand`: did you mean `command`?",
            "4: `timeout_seconds` is 0, a number from 1 to 86400 is expected",
            "6: unknown key `wal_ms`: did you mean `wall_ms`?",
            "7: `cpu_ms` is -1, a number from 1 to 9223372036854775807 is expected",
            "8: `memory` is a fraction, a whole number is expected",
            "9: `returned` is a string, a whole number is expected",
        ],
    );
    check(
        "name = \"a\"\nbuild = true",
        &["2: `build` is a boolean, a table, as in `[build]`, is expected"],
    );
    check(
        "name = \"a\"\ncomponent = \" \"",
        &["2: `component` is empty"],
    );
}

#[test]
fn a_command_needs_the_component_that_it_makes() {
    check(
        "name = \"a\"\n[build]\ncommand = \"make\"",
        &[
            "2: `[build] command` needs `component` at the top of the file: the path of the file that it makes",
        ],
    );
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    for (text, line) in [
        ("name = \"a\"\n[build\n", 2),
        ("name = \"a\"\nname = \"b\"", 2),
        ("\n\nname", 3),
    ] {
        let faults = parsed(text).unwrap_err();
        assert!(
            faults
                .iter()
                .any(|fault| fault.starts_with(&format!("{line}: "))),
            "{text:?}: {faults:?}"
        );
    }
}

#[test]
fn the_file_is_found_here_or_above() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let below = root.join("src/deep");
    std::fs::create_dir_all(&below).unwrap();
    let file = root.join(PROJECT_FILE);
    std::fs::write(&file, "name = \"orders\"").unwrap();
    for start in [&root, &below, &file] {
        let project = find_project(start).unwrap();
        assert_eq!(project.root, root);
        assert_eq!(project.name.as_str(), "orders");
    }
}

#[test]
fn a_file_with_a_fault_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let file = root.join(PROJECT_FILE);
    std::fs::write(&file, "name = \"orders\"\nlimit = 1").unwrap();
    assert_eq!(
        find_project(&root).unwrap_err().to_string(),
        format!(
            "{}:2: unknown key `limit`: did you mean `limits`?",
            file.display()
        )
    );
}

#[test]
fn no_file_at_all_and_no_folder_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let missing = find_project(&folder.path().join("none")).unwrap_err();
    assert!(
        matches!(missing, ProjectFileError::Read { .. }),
        "{missing}"
    );
    let none = find_project(folder.path()).unwrap_err();
    assert!(matches!(none, ProjectFileError::NotFound { .. }), "{none}");
}
