use proptest::prelude::*;

use super::*;
use crate::declare::{
    Action, AppEvent, Auth, CatchUp, ChangeOrder, DedupeKey, HmacDigest, Hooks, Integration,
    Location, ProjectUse, Respond, SecretUse, SettingType, Signature, SignatureEncoding,
    SigningKey, Used, UserSetting, VariableUse, Webhook, Workflow,
};

const SCHEMA: &str = r#"{"type": "object"}"#;

fn at(line: u32) -> Option<Location> {
    Some(Location {
        file: "src/lib.rs".to_owned(),
        line,
    })
}

fn integration(name: &str) -> Integration {
    Integration {
        name: name.to_owned(),
        title: "Shop".to_owned(),
        auth: Auth::Oauth2 {
            authorize_url: "https://shop.example/authorize?a=b".to_owned(),
            token_url: "http://localhost:8080/token".to_owned(),
            scopes: vec!["orders:read".to_owned()],
            app_config: vec!["client_id".to_owned(), "client_secret".to_owned()],
        },
        settings: vec![
            setting("region", SettingType::Text, Some("\"eu\"")),
            setting("limit", SettingType::Number, Some("2.5")),
            setting("strict", SettingType::Boolean, Some("false")),
            setting("size", choice(&["s", "m"]), Some("\"m\"")),
            setting("note", SettingType::Text, None),
        ],
        renamed_from: None,
        location: at(1),
    }
}

fn setting(name: &str, of_type: SettingType, default: Option<&str>) -> UserSetting {
    UserSetting {
        name: name.to_owned(),
        title: String::new(),
        of_type,
        required: true,
        default: default.map(str::to_owned),
    }
}

fn choice(values: &[&str]) -> SettingType {
    SettingType::Choice {
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

fn action(name: &str) -> Action {
    Action {
        name: name.to_owned(),
        title: "Refund".to_owned(),
        integration: Some("shop".to_owned()),
        input: SCHEMA.to_owned(),
        output: "true".to_owned(),
        secrets: vec![secret("TOKEN", false)],
        variables: vec![variable("API_URL", false)],
        hosts: vec!["${API_URL}".to_owned(), "*.shop.example:8443".to_owned()],
        timeout_ms: Some(60_000),
        idempotent: true,
        renamed_from: None,
        location: at(2),
    }
}

fn secret(name: &str, subscription: bool) -> SecretUse {
    SecretUse {
        name: name.to_owned(),
        optional: false,
        subscription,
    }
}

fn variable(name: &str, subscription: bool) -> VariableUse {
    VariableUse {
        name: name.to_owned(),
        optional: false,
        default: Some("https://shop.example".to_owned()),
        subscription,
    }
}

fn webhook(name: &str) -> Webhook {
    Webhook {
        name: name.to_owned(),
        title: "Orders".to_owned(),
        integration: Some("shop".to_owned()),
        per_user: false,
        hooks: Hooks {
            subscription: true,
            refresh: true,
            check: true,
        },
        secrets: vec![secret("KEY", true)],
        variables: vec![variable("EVENTS", true)],
        hosts: vec!["shop.example".to_owned()],
        signature: hmac("X-Signature", "{timestamp}.{body}", Some("X-Time")),
        dedupe: Some(DedupeKey::Pointer("/a~1b/~0/0".to_owned())),
        respond: Respond::Sync {
            deadline_ms: 30_000,
        },
        silence_seconds: Some(1),
        order: ChangeOrder::Overlap,
        challenge: Some("hub.challenge".to_owned()),
        timeout_ms: None,
        renamed_from: None,
        location: at(3),
    }
}

fn hmac(header: &str, template: &str, timestamp_header: Option<&str>) -> Signature {
    Signature::Hmac {
        key: SigningKey::Secret {
            name: "KEY".to_owned(),
        },
        header: header.to_owned(),
        digest: HmacDigest::Sha256,
        encoding: SignatureEncoding::Hex,
        prefix: "sha256=".to_owned(),
        template: template.to_owned(),
        timestamp_header: timestamp_header.map(str::to_owned),
    }
}

fn workflow(name: &str, trigger: Trigger) -> Workflow {
    Workflow {
        name: name.to_owned(),
        title: "Summary".to_owned(),
        integration: Some("shop".to_owned()),
        trigger,
        on_by_default: true,
        secrets: Vec::new(),
        variables: Vec::new(),
        hosts: Vec::new(),
        timeout_ms: None,
        renamed_from: None,
        location: at(4),
    }
}

fn schedule(cron: &str, time_zone: &str) -> Trigger {
    Trigger::Schedule {
        cron: cron.to_owned(),
        time_zone: time_zone.to_owned(),
        catch_up: CatchUp::Skip,
    }
}

fn on_webhook(name: &str) -> Trigger {
    Trigger::Webhook {
        name: name.to_owned(),
    }
}

fn app_event(name: &str) -> AppEvent {
    AppEvent {
        name: name.to_owned(),
        title: "Order placed".to_owned(),
        schema: SCHEMA.to_owned(),
        renamed_from: None,
        location: at(5),
    }
}

fn used(project: &str, name: &str) -> ProjectUse {
    ProjectUse {
        project: project.to_owned(),
        used: Used::Event {
            name: name.to_owned(),
            schema: SCHEMA.to_owned(),
        },
    }
}

/// One object of each kind and trigger, without fault.
fn faultless() -> DeployList {
    let on_event = Trigger::Event {
        name: "placed".to_owned(),
    };
    DeployList {
        objects: vec![
            Object::Workflow(workflow("by-request", Trigger::Request)),
            Object::Workflow(workflow("by-webhook", on_webhook("orders"))),
            Object::Workflow(workflow("by-event", on_event)),
            Object::Workflow(workflow(
                "by-clock",
                schedule("0 9 * * MON-FRI", "Europe/Berlin"),
            )),
            Object::Action(action("refund")),
            Object::Webhook(webhook("orders")),
            Object::AppEvent(app_event("placed")),
            Object::Integration(integration("shop")),
        ],
        uses: vec![used("billing", "paid"), used("billing", "unpaid")],
    }
}

fn findings(list: &DeployList) -> Vec<String> {
    validate(list)
        .err()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[track_caller]
fn check(added: impl IntoIterator<Item = Object>, expected: &[&str]) {
    let mut list = faultless();
    list.objects.extend(added);
    assert_eq!(findings(&list), expected);
}

#[track_caller]
fn check_webhook(change: impl FnOnce(&mut Webhook), expected: &[&str]) {
    let mut item = webhook("w");
    change(&mut item);
    let expected: Vec<String> = expected
        .iter()
        .map(|message| format!("src/lib.rs:3: webhook w: {message}"))
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check([Object::Webhook(item)], &expected);
}

#[track_caller]
fn check_action(change: impl FnOnce(&mut Action), expected: &[&str]) {
    let mut item = action("a");
    change(&mut item);
    let expected: Vec<String> = expected
        .iter()
        .map(|message| format!("src/lib.rs:2: action a: {message}"))
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check([Object::Action(item)], &expected);
}

#[track_caller]
fn check_integration(change: impl FnOnce(&mut Integration), expected: &[&str]) {
    let mut item = integration("i");
    change(&mut item);
    let expected: Vec<String> = expected
        .iter()
        .map(|message| format!("src/lib.rs:1: integration i: {message}"))
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check([Object::Integration(item)], &expected);
}

#[track_caller]
fn check_trigger(trigger: Trigger, expected: &[&str]) {
    let expected: Vec<String> = expected
        .iter()
        .map(|message| format!("src/lib.rs:4: workflow w: {message}"))
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check([Object::Workflow(workflow("w", trigger))], &expected);
}

#[test]
fn a_faultless_list_and_an_empty_one_pass() {
    check([], &[]);
    assert_eq!(validate(&DeployList::default()), Ok(()));
}

#[test]
fn a_name_is_well_formed_given_once_and_looks_like_no_other_of_its_kind() {
    check(
        [
            Object::AppEvent(app_event("")),
            Object::AppEvent(app_event("pl\u{430}ced")),
            Object::AppEvent(app_event("placed")),
            Object::AppEvent(app_event("Placed")),
            Object::AppEvent(app_event("order-paid")),
            Object::AppEvent(app_event("order_paid")),
            Object::Action(action("placed")),
        ],
        &[
            "src/lib.rs:5: app event : `` is not a name: it is empty",
            "src/lib.rs:5: app event pl\u{430}ced: `pl\u{430}ced` is not a name: the character U+0430 is not allowed, only the letters a to z and A to Z, digits, `-` and `_`",
            "src/lib.rs:5: app event placed: it is declared more than once (src/lib.rs:5)",
            "src/lib.rs:5: app event Placed: its name looks like that of the app event `placed` (src/lib.rs:5): they differ only in capital letters or in `-` and `_`",
            "src/lib.rs:5: app event order_paid: its name looks like that of the app event `order-paid` (src/lib.rs:5): they differ only in capital letters or in `-` and `_`",
        ],
    );
}

#[test]
fn a_rename_is_from_another_name_that_is_gone_and_that_nobody_else_took() {
    let renamed = |name: &str, from: &str| {
        Object::AppEvent(AppEvent {
            renamed_from: Some(from.to_owned()),
            location: None,
            ..app_event(name)
        })
    };
    check(
        [
            renamed("a", "gone"),
            renamed("b", "b"),
            renamed("c", "placed"),
            renamed("d", "not a name"),
            renamed("e", "gone"),
            // Another kind's name is another name.
            renamed("f", "refund"),
        ],
        &[
            "app event b: it says that it was renamed from its own name",
            "app event c: it says that it was renamed from `placed`, but the app event `placed` (src/lib.rs:5) is still declared",
            "app event d: it says that it was renamed from `not a name`, which is not a name: the character U+0020 is not allowed, only the letters a to z and A to Z, digits, `-` and `_`",
            "app event e: it says that it was renamed from `gone`, and so does the app event `a`",
        ],
    );
}

#[test]
fn a_reference_leads_to_an_object_of_the_right_kind() {
    check_action(
        |item| item.integration = Some("orders".to_owned()),
        &["it belongs to the integration `orders`, which is not declared"],
    );
    check_webhook(
        |item| item.integration = Some("Shop".to_owned()),
        &["it belongs to the integration `Shop`, which is not declared, but `shop` is"],
    );
    check_trigger(
        on_webhook("placed"),
        &["it is triggered by the webhook `placed`, which is not declared"],
    );
    check_trigger(
        Trigger::Event {
            name: "orders".to_owned(),
        },
        &["it is triggered by the app event `orders`, which is not declared"],
    );
}

#[test]
fn a_value_is_well_named_and_used_once() {
    check_action(
        |item| {
            item.secrets = vec![secret("A B", false), secret("C", false), secret("C", false)];
            item.variables.push(variable("API_URL", false));
        },
        &[
            "the secret `A B` is not a name: the character U+0020 is not allowed, only the letters a to z and A to Z, digits, `-` and `_`",
            "the secret `C` is given more than once",
            "the variable `API_URL` is given more than once",
        ],
    );
}

#[test]
fn a_subscription_depends_on_values_only_where_there_is_one() {
    check_action(
        |item| item.variables.push(variable("EVENTS", true)),
        &[
            "the subscription is said to depend on the variable `EVENTS`, but there is none: only a webhook with subscription hooks has one",
        ],
    );
    check_webhook(
        |item| item.hooks = Hooks::default(),
        &[
            "the subscription is said to depend on the secret `KEY`, but there is none: only a webhook with subscription hooks has one",
            "the subscription is said to depend on the variable `EVENTS`, but there is none: only a webhook with subscription hooks has one",
        ],
    );
}

#[test]
fn a_host_is_a_pattern_and_its_variable_is_declared() {
    check_action(
        |item| {
            item.hosts = vec![
                "https://shop.example/".to_owned(),
                "${OTHER}".to_owned(),
                "*".to_owned(),
            ];
        },
        &[
            "`https://shop.example/` is not a host pattern: the port is not a number from 1 to 65535",
            "the host `${OTHER}` names a variable that it does not declare",
            "`*` is not a host pattern: a host is labels of letters, digits and `-` between dots, without scheme or path",
        ],
    );
}

#[test]
fn a_timeout_leaves_some_time() {
    check_action(
        |item| item.timeout_ms = Some(0),
        &["its timeout is 0 ms, at least 1 ms is needed"],
    );
}

#[test]
fn a_schema_is_one() {
    check_action(
        |item| {
            item.input = "{".to_owned();
            item.output = r#"{"type": "strnig", "required": 1}"#.to_owned();
        },
        &[
            "the input schema cannot be used: it is not JSON: EOF while parsing an object at line 1 column 1",
            "the output schema cannot be used: it is not a valid JSON Schema: at `/required`: 1 is not of type \"array\"; at `/type`: \"strnig\" is not valid under any of the schemas listed in the 'anyOf' keyword",
        ],
    );
    check(
        [Object::AppEvent(AppEvent {
            schema: r#"{"$ref": "https://example.com/a.json"}"#.to_owned(),
            ..app_event("e")
        })],
        &[
            "src/lib.rs:5: app event e: the schema cannot be used: it is not a valid JSON Schema: Resource 'https://example.com/a.json' is not present in a registry and retrieving it failed: Retrieval is disabled, cannot fetch https://example.com/a.json",
        ],
    );
}

#[test]
fn an_integration_can_be_connected_to() {
    let oauth2 = |authorize_url: &str, token_url: &str| Auth::Oauth2 {
        authorize_url: authorize_url.to_owned(),
        token_url: token_url.to_owned(),
        scopes: vec![String::new()],
        app_config: vec!["client id".to_owned(), "a".to_owned(), "a".to_owned()],
    };
    check_integration(
        |item| item.auth = oauth2("shop.example/a", "ftp://shop.example"),
        &[
            "the OAuth 2 authorize URL `shop.example/a` is not one: it must begin with `https://` or `http://`",
            "the OAuth 2 token URL `ftp://shop.example` is not one: it must begin with `https://` or `http://`",
            "one of its OAuth 2 scopes is empty",
            "the app configuration `client id` is not a name: the character U+0020 is not allowed, only the letters a to z and A to Z, digits, `-` and `_`",
            "the app configuration `a` is given more than once",
        ],
    );
    for (url, reason) in [
        ("https://", "`` is not a host"),
        ("https://a b/", "it has white space in it"),
        (
            "https://me:pw@shop.example",
            "it must not carry a user name or password",
        ),
    ] {
        check_integration(
            |item| {
                item.auth = Auth::Oauth2 {
                    authorize_url: url.to_owned(),
                    token_url: "https://shop.example".to_owned(),
                    scopes: Vec::new(),
                    app_config: Vec::new(),
                };
            },
            &[&format!(
                "the OAuth 2 authorize URL `{url}` is not one: {reason}"
            )],
        );
    }
    check_integration(
        |item| {
            item.auth = Auth::ApiKey {
                title: " ".to_owned(),
            };
        },
        &["the title of its API key is empty"],
    );
}

#[test]
fn a_user_setting_has_a_name_of_its_own_and_a_default_of_its_type() {
    check_integration(
        |item| {
            item.settings = vec![
                setting("a", SettingType::Text, Some("1")),
                setting("a", SettingType::Number, Some("\"1\"")),
                setting("c", SettingType::Boolean, Some("null")),
                setting("d", choice(&["s", "s"]), Some("\"m\"")),
                setting("e", choice(&[]), None),
                setting("f g", SettingType::Text, Some("text")),
            ];
        },
        &[
            "the user setting `a` is given more than once",
            "the user setting `f g` is not a name: the character U+0020 is not allowed, only the letters a to z and A to Z, digits, `-` and `_`",
            "the default `1` of the user setting `a` is not a JSON string",
            "the default `\\\"1\\\"` of the user setting `a` is not a number",
            "the default `null` of the user setting `c` is not `true` or `false`",
            "the user setting `d` offers `s` more than once",
            "the default `\\\"m\\\"` of the user setting `d` is not one of the values to choose from",
            "the user setting `e` has no values to choose from",
            "the default `text` of the user setting `f g` is not JSON: expected ident at line 1 column 2",
        ],
    );
}

#[test]
fn a_webhook_without_subscription_has_nothing_that_needs_one() {
    check_webhook(
        |item| {
            item.secrets.clear();
            item.variables.clear();
            item.hooks.subscription = false;
            item.signature = Signature::Stripe {
                key: SigningKey::Issued,
            };
        },
        &[
            "it has the hook `refresh`, which needs the subscription hooks as well",
            "it has the hook `check`, which needs the subscription hooks as well",
            "its signing key is issued at `subscribe`, but it has no subscription hooks",
        ],
    );
}

#[test]
fn a_signature_covers_the_body_with_a_key_that_is_declared() {
    check_webhook(
        |item| {
            item.signature = Signature::Github {
                key: SigningKey::Secret {
                    name: "OTHER".to_owned(),
                },
            };
        },
        &["deliveries are signed with the secret `OTHER`, which it does not declare"],
    );
    check_webhook(
        |item| item.signature = hmac("X Signature", "{timestamp}", None),
        &[
            "the signature header `X Signature` is not the name of a header",
            "the signature's template `{timestamp}` lacks `{body}`: the body would not be signed",
            "the signature's template has `{timestamp}` in it, but no timestamp header is named",
        ],
    );
    check_webhook(
        |item| item.signature = hmac("X-Signature", "{body}", Some("")),
        &[
            "the timestamp header `` is not the name of a header",
            "it names a timestamp header, but the signature's template lacks `{timestamp}`",
        ],
    );
    check_webhook(
        |item| {
            if let Signature::Hmac { prefix, .. } = &mut item.signature {
                *prefix = "v1\n".to_owned();
            }
        },
        &["the signature's prefix `v1\\n` cannot stand in a header"],
    );
}

#[test]
fn deliveries_can_be_told_apart_and_answered() {
    check_webhook(
        |item| {
            item.dedupe = Some(DedupeKey::Header("X:Id".to_owned()));
            item.respond = Respond::Sync { deadline_ms: 0 };
            item.silence_seconds = Some(0);
            item.challenge = Some(String::new());
        },
        &[
            "the dedupe header `X:Id` is not the name of a header",
            "it answers within 0 ms, 1 to 30000 ms are allowed",
            "its silence time is 0 s, at least 1 s is needed",
            "the challenge `` is not the name of a query parameter",
        ],
    );
    check_webhook(
        |item| {
            item.respond = Respond::Sync {
                deadline_ms: 30_001,
            }
        },
        &["it answers within 30001 ms, 1 to 30000 ms are allowed"],
    );
    for (pointer, reason) in [
        ("id", "it must begin with `/`"),
        (
            "/a~2",
            "`~` must be written `~0`, and `/` within a key `~1`",
        ),
        ("/a~", "`~` must be written `~0`, and `/` within a key `~1`"),
    ] {
        check_webhook(
            |item| item.dedupe = Some(DedupeKey::Pointer(pointer.to_owned())),
            &[&format!(
                "the dedupe key `{pointer}` is not a JSON Pointer: {reason}"
            )],
        );
    }
    check_webhook(
        |item| item.dedupe = Some(DedupeKey::Pointer(String::new())),
        &[],
    );
}

#[test]
fn a_schedule_has_five_fields_and_comes_some_day() {
    for cron in [
        "* * * * *",
        "*/15 0-6,22 1 JAN,jul 0",
        "0 0 29 2 *",
        "0 0 29 FEB ?",
        "0 0 31 2,3 *",
        "0 0 30 2 MON",
        "0 0 L * *",
        "0 0 * * 7",
        " 0  0 * * MON#2 ",
    ] {
        check_trigger(schedule(cron, "America/New_York"), &[]);
    }
    for (cron, reason) in [
        (
            "",
            "it has 0 fields, five are expected (minute, hour, day, month, weekday)",
        ),
        (
            "@daily",
            "it has 1 fields, five are expected (minute, hour, day, month, weekday)",
        ),
        (
            "0 0 0 * * *",
            "it has 6 fields, five are expected (minute, hour, day, month, weekday)",
        ),
        ("0 0 30 2 *", "it names a day that never comes"),
        ("0 0 31 4,6,9,11 ?", "it names a day that never comes"),
        ("0 0 * * +MON", "`+` is not allowed in it"),
    ] {
        check_trigger(
            schedule(cron, "UTC"),
            &[&format!(
                "the schedule `{cron}` is not a cron expression: {reason}"
            )],
        );
    }
    for cron in [
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "a * * * *",
        "5-1 * * * *",
        "*/0 * * * *",
    ] {
        let mut list = faultless();
        list.objects
            .push(Object::Workflow(workflow("w", schedule(cron, "UTC"))));
        let found = findings(&list);
        assert_eq!(found.len(), 1, "{cron}: {found:?}");
        assert!(
            found[0].starts_with(&format!(
                "src/lib.rs:4: workflow w: the schedule `{cron}` is not a cron expression: "
            )),
            "{found:?}"
        );
    }
}

#[test]
fn a_time_zone_is_known() {
    for zone in ["Mars/Olympus", "", "Etc/Unknown", "+02:00", "../etc/passwd"] {
        check_trigger(
            schedule("* * * * *", zone),
            &[&format!(
                "the time zone `{zone}` is unknown, an IANA name such as `Europe/Berlin` is expected"
            )],
        );
    }
}

#[test]
fn a_use_names_a_project_and_is_given_once() {
    let mut list = faultless();
    list.uses.push(used("billing", "paid"));
    list.uses.push(ProjectUse {
        project: "a b".to_owned(),
        used: Used::Action {
            name: "refund".to_owned(),
            input: SCHEMA.to_owned(),
            output: "7".to_owned(),
        },
    });
    assert_eq!(
        findings(&list),
        [
            "the use of the event `paid` of the project `billing` is declared more than once",
            "the use of the action `refund` of the project `a b`: the name of the project is not one: the character U+0020 is not allowed, only the letters a to z and A to Z, digits, `-` and `_`",
            "the use of the action `refund` of the project `a b`: the output schema cannot be used: it is not a valid JSON Schema: 7 is not of types \"boolean\", \"object\"",
        ]
    );
}

#[test]
fn a_hundred_findings_are_told_and_the_rest_counted() {
    let list = DeployList {
        objects: (0..1_000)
            .map(|_| Object::AppEvent(app_event("a b")))
            .collect(),
        uses: Vec::new(),
    };
    let found = findings(&list);
    assert_eq!(found.len(), 101);
    // Each name is malformed, and all but the first are repeated.
    assert_eq!(found[100], "and 1899 more");
}

#[test]
fn a_list_of_a_million_objects_is_refused_in_words() {
    let list = DeployList {
        objects: vec![
            Object::AppEvent(AppEvent {
                name: String::new(),
                title: String::new(),
                schema: String::new(),
                renamed_from: None,
                location: None,
            });
            1_000_000
        ],
        uses: Vec::new(),
    };
    assert_eq!(
        findings(&list),
        ["the project declares 1000000 objects, at most 100000 are allowed"]
    );
}

/// Texts near the ones that mean something, and any others.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "",
            "a",
            "A",
            "a-b",
            "a_b",
            "shop",
            "KEY",
            "${KEY}",
            "${",
            "*.",
            "x.com:1",
            "[::1]",
            "https://[",
            "http://x.com",
            "{body}",
            "{timestamp}",
            "/a~1",
            "/~",
            "UTC",
            "utc",
            "* * * * *",
            "0 0 31 2 *",
            "0 0 L 2 *",
            "*/0 * * * *",
            "1-0 * * * *",
            "* * 1W 2 *",
            "* * W * *",
            "* * * * 8#9",
            "* * * * #",
            "* * * * L",
            "true",
            "{}",
            "[]",
            "1e999",
            r#"{"type": "string"}"#,
            r##"{"$ref": "#"}"##,
            r#"{"pattern": "(a"}"#,
            r#"{"$schema": "x"}"#,
            r#"{"$id": "\u0000"}"#,
            r#"{"multipleOf": 0}"#,
        ])
        .prop_map(str::to_owned),
        r#"[0-9*,/LW#?-]{1,4}( [0-9*,/LW#?A-Z-]{1,4}){4}"#,
        r#"\{"(type|\$ref|\$id|\$anchor|pattern|items|enum|minimum)": ("[^"\\]{0,6}"|[0-9]{1,3}|\[\]|\{\})\}"#,
        any::<String>(),
    ]
}

fn any_object() -> impl Strategy<Value = Object> {
    (
        0..8_u8,
        prop::collection::vec(text(), 8),
        any::<[bool; 6]>(),
        any::<u32>(),
    )
        .prop_map(|(kind, texts, flags, number)| {
            let given = |flag: bool, index: usize| flag.then(|| texts[index].clone());
            let trigger = |kind: u8| match kind {
                3 => on_webhook(&texts[1]),
                4 => Trigger::Event {
                    name: texts[1].clone(),
                },
                _ => schedule(&texts[1], &texts[2]),
            };
            match kind {
                0 => Object::Integration(Integration {
                    auth: Auth::Oauth2 {
                        authorize_url: texts[1].clone(),
                        token_url: texts[2].clone(),
                        scopes: vec![texts[3].clone()],
                        app_config: vec![texts[4].clone()],
                    },
                    settings: vec![
                        setting(&texts[5], choice(&[&texts[6]]), Some(&texts[7])),
                        setting(&texts[5], SettingType::Number, Some(&texts[7])),
                    ],
                    renamed_from: given(flags[0], 3),
                    ..integration(&texts[0])
                }),
                1 => Object::Action(Action {
                    integration: given(flags[0], 1),
                    input: texts[2].clone(),
                    output: texts[3].clone(),
                    secrets: vec![secret(&texts[4], flags[1])],
                    variables: vec![variable(&texts[5], flags[2])],
                    hosts: vec![texts[6].clone()],
                    timeout_ms: flags[3].then_some(number),
                    renamed_from: given(flags[4], 7),
                    ..action(&texts[0])
                }),
                2 => Object::Webhook(Webhook {
                    hooks: Hooks {
                        subscription: flags[0],
                        refresh: flags[1],
                        check: flags[2],
                    },
                    signature: hmac(&texts[1], &texts[2], Some(&texts[3])),
                    dedupe: Some(DedupeKey::Pointer(texts[4].clone())),
                    respond: Respond::Sync {
                        deadline_ms: number,
                    },
                    challenge: given(flags[3], 5),
                    hosts: vec![texts[6].clone()],
                    renamed_from: given(flags[4], 7),
                    ..webhook(&texts[0])
                }),
                3..=5 => Object::Workflow(workflow(&texts[0], trigger(kind))),
                _ => Object::AppEvent(AppEvent {
                    schema: texts[1].clone(),
                    renamed_from: given(flags[0], 2),
                    location: None,
                    ..app_event(&texts[0])
                }),
            }
        })
}

proptest! {
    #[test]
    fn any_list_passes_or_gets_findings_and_never_a_panic(
        objects in prop::collection::vec(any_object(), 0..12),
        uses in prop::collection::vec((text(), text()), 0..3),
    ) {
        let uses = uses.iter().map(|(project, name)| used(project, name)).collect();
        let list = DeployList { objects, uses };
        if let Err(found) = validate(&list) {
            prop_assert!(!found.is_empty());
            prop_assert!(found.iter().all(|finding| !finding.message.is_empty()));
        }
    }
}
