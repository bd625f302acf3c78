//! What the attributes make of an author's items, seen through the public door.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tidegate_sdk::test::{self, collect};
use tidegate_sdk::{
    Check, Context, Delivery, Error, HookContext, Received, Registration, Reply, Result,
    Subscription, action, app_event, integration, uses, webhook, workflow,
};

#[derive(Deserialize, JsonSchema)]
struct Order {
    id: u64,
    #[serde(default)]
    note: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Receipt {
    text: String,
}

/// Everything an action can say.
#[action(
    name = "print",
    title = "Print a receipt",
    integration = "shop",
    secrets(TOKEN, "OTHER-KEY"(optional)),
    variables(REGION, URL = "https://a.example", LABEL(optional)),
    hosts("${URL}", "*.b.example", "c.example:8443"),
    timeout = "1500ms",
    idempotent,
    renamed_from = "receipt"
)]
fn print_receipt(ctx: &Context, order: Order) -> Result<Receipt> {
    let note = order.note.unwrap_or_default();
    Ok(Receipt {
        text: format!("{} {note} {}", order.id, ctx.attempt()),
    })
}

const PRINT_RECEIPT_LINE: u32 = line!() - 7;

#[derive(Debug, thiserror::Error)]
#[error("the drawer is closed")]
struct Closed;

/// An error of the author's own.
#[action]
fn open_drawer(open: bool) -> Result<bool, Closed> {
    if open { Ok(true) } else { Err(Closed) }
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Props {
    topic: String,
}

struct Full;

/// Everything a webhook can say.
#[webhook(
    name = "full-events",
    integration = "shop",
    per_user,
    secrets(TOKEN, KEY(subscription)),
    variables(TOPIC(subscription) = "orders"),
    hosts("a.example"),
    signature = hmac(
        secret = KEY,
        header = "X-Signature",
        digest = sha512,
        encoding = base64,
        prefix = "v1=",
        template = "{timestamp}.{body}",
        timestamp_header = "X-Timestamp"
    ),
    dedupe = pointer("/event/id"),
    respond = sync("3s"),
    silence = "24h",
    order = overlap,
    challenge = "hub.challenge",
    timeout = "10s",
    renamed_from = "events"
)]
impl Full {
    fn props(ctx: &HookContext) -> Result<Props> {
        Ok(Props {
            topic: ctx.variable("TOPIC")?,
        })
    }

    fn subscribe(registration: Registration<Props>) -> Result<Subscription<u64>> {
        Ok(Subscription::new(registration.props.topic.len() as u64))
    }

    fn unsubscribe(_registration: Registration<Props>, _id: u64) -> Result<()> {
        Ok(())
    }

    fn refresh(_ctx: &HookContext, _: Registration<Props>, id: u64) -> Result<Subscription<u64>> {
        Ok(Subscription::new(id))
    }

    fn check(_registration: Registration<Props>, known: Option<u64>) -> Result<Check<u64>> {
        Ok(Check::from_found(known.map(Subscription::new)))
    }

    fn receive(_ctx: &Context, delivery: Delivery) -> Result<Received<String>> {
        let topic: String = delivery.json()?;
        Ok(Received::new(topic).reply(Reply::text(200, "thanks")))
    }
}

struct Plain;

#[webhook(signature = none, dedupe = header("X-Id"))]
impl Plain {
    fn receive(delivery: Delivery) -> Result<serde_json::Value> {
        delivery.json()
    }
}

#[workflow(
    trigger = schedule("0 7 * * 1-5", time_zone = "Europe/Berlin", catch_up = skip),
    on_by_default,
    variables(REGION),
    timeout = "2m"
)]
fn nightly() -> Result<()> {
    Ok(())
}

#[workflow(trigger = webhook("plain"))]
fn on_plain(_ctx: &Context, input: serde_json::Value) -> Result<serde_json::Value> {
    Ok(input)
}

#[workflow]
fn on_request(_input: Order) -> Result<()> {
    Err(Error::retryable("not yet"))
}

/// The team's shop.
#[integration(
    auth = oauth2(
        authorize_url = "https://a.example/authorize",
        token_url = "https://a.example/token",
        scopes("read", "write"),
        app_config(client_id, "client-secret")
    ),
    renamed_from = "store"
)]
#[derive(Debug, PartialEq)]
struct Shop {
    /// Address of the warehouse.
    warehouse: String,
    #[setting(
        name = "lang",
        title = "Language",
        choices("de", "en"),
        default = "en",
        required
    )]
    language: String,
    #[setting(default = 2.5)]
    limit: f64,
    #[setting(default = false)]
    active: bool,
    phone: Option<String>,
}

#[app_event(title = "Order placed", renamed_from = "ordered")]
#[derive(Deserialize, JsonSchema)]
struct OrderPlaced {
    #[expect(dead_code, reason = "only its schema is looked at")]
    order: u64,
}

#[uses(project = "billing", action = "charge", output = Charged)]
#[derive(Serialize, JsonSchema)]
struct Charge {
    cents: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Charged {
    #[expect(dead_code, reason = "only its schema is looked at")]
    invoice: u64,
}

/// Named with a word that Rust reserves.
#[action]
fn r#match(pair: (u8, u8)) -> Result<bool> {
    Ok(pair.0 == pair.1)
}

tidegate_sdk::project!(
    r#match,
    print_receipt,
    open_drawer,
    Full,
    Plain,
    nightly,
    on_plain,
    on_request,
    Shop,
    OrderPlaced,
    Charge,
);

fn list() -> test::DeployList {
    collect(&project()).expect("no fault")
}

#[test]
fn an_action_declares_all_that_its_attribute_says() {
    let list = list();
    let action = list.object("action", "print");
    assert_eq!(action["title"], "Print a receipt");
    assert_eq!(action["integration"], "shop");
    assert_eq!(
        action["secrets"],
        json!([
            { "name": "TOKEN", "optional": false, "subscription": false },
            { "name": "OTHER-KEY", "optional": true, "subscription": false },
        ])
    );
    assert_eq!(
        action["variables"],
        json!([
            { "name": "REGION", "optional": false, "default": null, "subscription": false },
            { "name": "URL", "optional": false, "default": "https://a.example", "subscription": false },
            { "name": "LABEL", "optional": true, "default": null, "subscription": false },
        ])
    );
    assert_eq!(
        action["hosts"],
        json!(["${URL}", "*.b.example", "c.example:8443"])
    );
    assert_eq!(action["timeout_ms"], 1500);
    assert_eq!(action["idempotent"], true);
    assert_eq!(action["renamed_from"], "receipt");
    assert_eq!(action["input"]["required"], json!(["id"]));
    assert_eq!(action["output"]["required"], json!(["text"]));
}

#[test]
fn a_declaration_names_the_authors_file_and_line() {
    let list = list();
    let location = &list.object("action", "print")["location"];
    assert_eq!(location["file"], file!());
    assert_eq!(location["line"], PRINT_RECEIPT_LINE);
}

#[test]
fn names_and_titles_come_from_the_item_and_its_comment() {
    let list = list();
    assert_eq!(
        list.object("action", "open-drawer")["title"],
        "An error of the author's own"
    );
    assert_eq!(
        list.object("app-event", "order-placed")["title"],
        "Order placed"
    );
    assert_eq!(list.object("webhook", "plain")["title"], "plain");
}

#[test]
fn a_webhook_declares_all_that_its_attribute_says() {
    let list = list();
    let webhook = list.object("webhook", "full-events");
    assert_eq!(webhook["per_user"], true);
    assert_eq!(
        webhook["hooks"],
        json!({ "subscription": true, "refresh": true, "check": true })
    );
    assert_eq!(webhook["secrets"][1]["subscription"], true);
    assert_eq!(webhook["variables"][0]["subscription"], true);
    assert_eq!(webhook["variables"][0]["default"], "orders");
    assert_eq!(
        webhook["signature"],
        json!({ "hmac": {
            "key": { "secret": "KEY" },
            "header": "X-Signature",
            "digest": "sha512",
            "encoding": "base64",
            "prefix": "v1=",
            "template": "{timestamp}.{body}",
            "timestamp_header": "X-Timestamp",
        } })
    );
    assert_eq!(webhook["dedupe"], json!({ "pointer": "/event/id" }));
    assert_eq!(webhook["respond"], json!({ "sync": 3000 }));
    assert_eq!(webhook["silence_seconds"], 86_400);
    assert_eq!(webhook["order"], "overlap");
    assert_eq!(webhook["challenge"], "hub.challenge");
    assert_eq!(webhook["timeout_ms"], 10_000);
    assert_eq!(webhook["renamed_from"], "events");
}

#[test]
fn what_a_webhook_does_not_say_has_the_documented_default() {
    let list = list();
    let webhook = list.object("webhook", "plain");
    assert_eq!(
        webhook["hooks"],
        json!({ "subscription": false, "refresh": false, "check": false })
    );
    assert_eq!(webhook["per_user"], false);
    assert_eq!(webhook["signature"], "none");
    assert_eq!(webhook["dedupe"], json!({ "header": "X-Id" }));
    assert_eq!(webhook["respond"], "ack");
    assert_eq!(webhook["order"], "replace");
    for absent in [
        "silence_seconds",
        "challenge",
        "timeout_ms",
        "integration",
        "renamed_from",
    ] {
        assert_eq!(webhook[absent], json!(null), "{absent}");
    }
}

#[test]
fn workflows_declare_their_triggers() {
    let list = list();
    let nightly = list.object("workflow", "nightly");
    assert_eq!(
        nightly["trigger"],
        json!({ "schedule": {
            "cron": "0 7 * * 1-5", "time_zone": "Europe/Berlin", "catch_up": "skip",
        } })
    );
    assert_eq!(nightly["on_by_default"], true);
    assert_eq!(nightly["timeout_ms"], 120_000);
    assert_eq!(
        list.object("workflow", "on-plain")["trigger"],
        json!({ "webhook": "plain" })
    );
    assert_eq!(list.object("workflow", "on-request")["trigger"], "request");
    assert_eq!(
        list.object("workflow", "on-request")["on_by_default"],
        false
    );
}

#[test]
fn an_integration_declares_its_settings() {
    let list = list();
    let shop = list.object("integration", "shop");
    assert_eq!(
        shop["auth"],
        json!({ "oauth2": {
            "authorize_url": "https://a.example/authorize",
            "token_url": "https://a.example/token",
            "scopes": ["read", "write"],
            "app_config": ["client_id", "client-secret"],
        } })
    );
    let setting = |name: &str, title: &str, of_type, required, default| {
        json!({
            "name": name, "title": title, "of_type": of_type,
            "required": required, "default": default,
        })
    };
    assert_eq!(
        shop["settings"],
        json!([
            setting(
                "warehouse",
                "Address of the warehouse",
                json!("text"),
                true,
                None
            ),
            setting(
                "lang",
                "Language",
                json!({ "choice": ["de", "en"] }),
                true,
                Some("\"en\"")
            ),
            setting("limit", "limit", json!("number"), false, Some("2.5")),
            setting("active", "active", json!("boolean"), false, Some("false")),
            setting("phone", "phone", json!("text"), false, None),
        ])
    );
    assert_eq!(shop["renamed_from"], "store");
}

#[test]
fn settings_are_read_into_the_integrations_type() {
    let ctx = test::Context::new()
        .with_user("user-1")
        .with_setting("warehouse", "north")
        .with_setting("lang", "de")
        .with_setting("limit", &1.5)
        .with_setting("active", &true);
    let expected = Shop {
        warehouse: "north".to_owned(),
        language: "de".to_owned(),
        limit: 1.5,
        active: true,
        phone: None,
    };
    assert_eq!(ctx.settings::<Shop>().expect("all set"), expected);

    let error = test::Context::new().with_user("user-1").settings::<Shop>();
    assert_eq!(
        error.expect_err("not set").to_string(),
        "the connected user has not set `warehouse`, which is required"
    );
}

#[test]
fn uses_carry_the_schemas_they_were_built_against() {
    let list = list();
    let used = &list.uses()[0]["used"]["action"];
    assert_eq!(used["name"], "charge");
    assert_eq!(used["input"]["required"], json!(["cents"]));
    assert_eq!(used["output"]["required"], json!(["invoice"]));
    let event = list.object("app-event", "order-placed");
    assert_eq!(event["schema"]["properties"]["order"]["type"], "integer");
    assert_eq!(event["renamed_from"], "ordered");
}

#[test]
fn a_reserved_word_is_as_good_a_name_as_any() {
    let ctx = test::Context::new();
    let output = test::run_action(&project(), "match", &ctx, &json!([1, 1]));
    assert_eq!(output.expect("compared"), json!(true));
}

#[test]
fn a_run_goes_from_json_to_json() {
    let ctx = test::Context::new().with_attempt(2);
    let output = test::run_action(
        &project(),
        "print",
        &ctx,
        &json!({ "id": 7, "note": "tea" }),
    );
    assert_eq!(output.expect("printed"), json!({ "text": "7 tea 2" }));

    let error = test::run_action(&project(), "print", &ctx, &json!({ "note": "tea" }));
    let error = error.expect_err("no id");
    assert!(
        error
            .to_string()
            .starts_with("reading the input: missing field `id`"),
        "{error}"
    );
    assert!(!error.is_retryable());
}

#[test]
fn an_error_of_the_authors_own_is_final() {
    let ctx = test::Context::new();
    let error = test::run_action(&project(), "open-drawer", &ctx, &json!(false));
    let error = error.expect_err("closed");
    assert_eq!(error.to_string(), "the drawer is closed");
    assert!(!error.is_retryable());
}

#[test]
fn a_workflow_without_an_input_ignores_whatever_it_is_given() {
    let ctx = test::Context::new();
    let output = test::run_workflow(&project(), "nightly", &ctx, &json!({ "tick": 1 }));
    assert_eq!(output.expect("ran"), json!(null));
}

#[test]
fn the_authors_functions_stay_as_they_are() {
    let ctx = test::Context::new();
    let props = Props {
        topic: "orders".to_owned(),
    };
    let subscription = Full::subscribe(test::registration(props)).expect("subscribed");
    assert_eq!(subscription.unsubscribe_props(), &6);
    let received = Full::receive(&ctx, test::delivery("\"orders\"")).expect("received");
    assert_eq!(received.output(), "orders");
    assert_eq!(Charge { cents: 1 }.cents, 1);
}
