//! The pages over a real engine, with guests that say what they should not.

mod shop;

use axum::http::StatusCode;

use self::shop::{MARKUP, SECRET, Shop};

/// What markup looks like when it is text.
const ESCAPED: &str = "&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;";

/// Every page of a place.
const PAGES: [&str; 12] = [
    "",
    "/objects",
    "/objects/action/greet",
    "/objects/webhook/orders",
    "/objects/workflow/notify",
    "/objects/app_event/order-placed",
    "/deploys",
    "/deploys/1",
    "/runs",
    "/deliveries",
    "/subscriptions",
    "/values",
];

fn check_has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "`{part}` is not in\n{html}");
    }
}

#[tokio::test]
async fn with_nothing_deployed_the_page_says_how_to_begin() {
    let shop = Shop::open().await;
    let page = shop.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    check_has(
        &page.html,
        &[
            "Nothing was deployed yet",
            "tidegate new shop",
            "tidegate dev shop",
        ],
    );
}

#[tokio::test]
async fn where_there_is_one_place_the_first_page_is_its_overview() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    let page = shop.get("/").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    let expected = "/projects/shop/environments/development";
    assert_eq!(page.location.as_deref(), Some(expected));
}

#[tokio::test]
async fn where_there_are_several_places_each_is_listed_with_what_it_owes() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    shop.deploy("staging", "a").await;
    let page = shop.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    check_has(
        &page.html,
        &[
            "href=\"/projects/shop/environments/development\"",
            "href=\"/projects/shop/environments/staging\"",
            "1 thing</span>",
        ],
    );
    let project = shop.get("/projects/shop").await;
    check_has(
        &project.html,
        &["href=\"/projects/shop/environments/staging\""],
    );
}

#[tokio::test]
async fn what_guests_and_people_say_is_text_on_every_page() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    shop.set_secret().await;
    let ran = shop.run(MARKUP).await;
    let failed = shop.run("trouble").await;
    let registration = shop.registration().await;
    let mut paths: Vec<String> = PAGES.map(str::to_owned).into();
    paths.push(format!("/runs/{}", ran.run));
    paths.push(format!("/runs/{}", failed.run));
    paths.push(format!("/subscriptions/{registration}"));
    let mut told = 0;
    for path in paths {
        let html = shop.page(&path).await;
        assert!(!html.contains(MARKUP), "{path}\n{html}");
        assert!(
            !html.contains('\u{1b}') && !html.contains('\u{202e}'),
            "{path}"
        );
        assert!(!html.contains(SECRET), "{path}\n{html}");
        told += usize::from(html.contains(ESCAPED));
    }
    assert!(told >= 7, "markup was told on {told} pages only");
}

#[tokio::test]
async fn pages_without_content_say_what_to_do_next() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    let runs = shop.page("/runs").await;
    check_has(
        &runs,
        &[
            "Nothing ran here yet",
            "tidegate run ACTION --input &#39;{}&#39; --env development",
        ],
    );
    let runs = shop.page("/runs?status=failed").await;
    check_has(&runs, &["No run is like that"]);
    let subscriptions = shop.page("/subscriptions").await;
    check_has(
        &subscriptions,
        &["No webhook of this project is registered"],
    );
    let objects = shop.page("/objects?kind=integration").await;
    check_has(&objects, &["The project declares no integration here"]);
}

#[tokio::test]
async fn a_place_where_nothing_is_live_says_how_to_deploy() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    let page = shop.get("/projects/shop/environments/production").await;
    assert_eq!(page.status, StatusCode::OK);
    check_has(
        &page.html,
        &[
            "Nothing is live here yet",
            "tidegate deploy --env production",
        ],
    );
}

#[tokio::test]
async fn what_is_not_there_is_a_page_that_says_so() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    let at = "/projects/shop/environments/development";
    for path in [
        "/nowhere".to_owned(),
        "/assets/page-0.css".to_owned(),
        "/projects/other".to_owned(),
        "/projects/other/environments/development".to_owned(),
        "/projects/shop/environments/%3Cscript%3E".to_owned(),
        format!("{at}/deploys/99"),
        format!("{at}/deploys/x"),
        format!("{at}/runs/99"),
        format!("{at}/runs/x"),
        format!("{at}/objects/thing/greet"),
        format!("{at}/objects/action/%3Cscript%3E"),
        format!("{at}/subscriptions/99"),
        format!("{at}/deliveries/99"),
    ] {
        let page = shop.get(&path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        check_has(&page.html, &["<h1>Not found</h1>"]);
        assert!(!page.html.contains("<script>"), "{path}\n{}", page.html);
        assert!(page.policy.is_some(), "{path}");
    }
}

#[tokio::test]
async fn a_run_is_shown_only_where_it_ran() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    shop.deploy("staging", "a").await;
    let run = shop.run("Ada").await.run;
    let elsewhere = format!("/projects/shop/environments/staging/runs/{run}");
    assert_eq!(shop.get(&elsewhere).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn no_page_may_load_or_run_anything_from_elsewhere() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    let page = shop.get("/projects/shop/environments/development").await;
    let policy = page.policy.unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(
        !policy.contains("unsafe") && !policy.contains("http"),
        "{policy}"
    );
    assert_eq!(page.caching.as_deref(), Some("no-store"));
    for forbidden in ["style=\"", "onclick=", "http://", "https://"] {
        assert!(!page.html.contains(forbidden), "{forbidden}\n{}", page.html);
    }
}

#[tokio::test]
async fn assets_are_named_by_their_content_and_kept_for_ever() {
    let shop = Shop::open().await;
    let html = shop.get("/").await.html;
    let named: Vec<&str> = html
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
        .collect();
    assert_eq!(named.len(), 3, "{named:?}");
    for path in named {
        let asset = shop.get(path).await;
        assert_eq!(asset.status, StatusCode::OK, "{path}");
        assert!(asset.caching.unwrap().contains("immutable"), "{path}");
    }
}

#[tokio::test]
async fn a_log_is_filtered_by_level_in_the_address() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    let run = shop.run("Ada").await.run;
    let all = shop.page(&format!("/runs/{run}")).await;
    check_has(&all, &["a fine line", "something broke", "\\u{1b}[31m"]);
    let errors = shop.page(&format!("/runs/{run}?level=error")).await;
    check_has(&errors, &["something broke"]);
    assert!(!errors.contains("a fine line"), "{errors}");
}

#[tokio::test]
async fn runs_are_filtered_by_status_and_object_in_the_address() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    let good = shop.run("Ada").await.run;
    let bad = shop.run("trouble").await.run;
    let row = |run| format!("data-key=\"run-{run}\"");
    let failed = shop.page("/runs?status=failed").await;
    assert!(
        failed.contains(&row(bad)) && !failed.contains(&row(good)),
        "{failed}"
    );
    let greet = shop
        .page("/runs?object=action%20greet&status=succeeded")
        .await;
    assert!(
        greet.contains(&row(good)) && !greet.contains(&row(bad)),
        "{greet}"
    );
    let other = shop.page("/runs?object=workflow%20notify").await;
    assert!(!other.contains(&row(good)), "{other}");
}

#[tokio::test]
async fn each_action_stands_beside_the_command_that_does_the_same() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    shop.set_secret().await;
    let run = shop.run("Ada").await.run;
    let page = shop.page(&format!("/runs/{run}")).await;
    check_has(
        &page,
        &[
            &format!("data-path=\"/api/v1/runs/{run}/replays\""),
            &format!("tidegate runs replay {run}<"),
            &format!("tidegate runs replay {run} --original<"),
        ],
    );
    let page = shop.page("/objects/action/greet").await;
    check_has(
        &page,
        &[
            "data-path=\"/api/v1/projects/shop/environments/development/actions/greet/runs\"",
            "tidegate run greet --input &#39;{&#34;name&#34;:&#34;&#34;}&#39; --env development",
        ],
    );
    let page = shop.page("/deploys/1").await;
    check_has(&page, &["tidegate rollback --to 1 --env development"]);
    let page = shop.page("/subscriptions").await;
    check_has(&page, &["tidegate subscriptions retry --env development"]);
}

#[tokio::test]
async fn the_overview_tells_what_is_owed_and_how_to_end_it() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    let unconfigured = shop.page("").await;
    check_has(
        &unconfigured,
        &["unconfigured</span>", "secret HOOK_SECRET"],
    );
    let values = shop.page("/values").await;
    check_has(
        &values,
        &["tidegate secrets set HOOK_SECRET --env development"],
    );
    shop.set_secret().await;
    let retrying = shop.page("").await;
    check_has(&retrying, &["retrying</span>", "1 attempt", ESCAPED]);
    let values = shop.page("/values").await;
    check_has(&values, &["set</span>", "webhook orders"]);
}

#[tokio::test]
async fn what_fails_while_it_is_read_is_a_page_with_its_code() {
    let shop = Shop::open().await;
    let page = shop.get("/projects/shop").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    check_has(
        &page.html,
        &[
            "The store has no project `shop`.",
            "tidegate explain project-unknown",
        ],
    );
}

#[tokio::test]
async fn deliveries_are_listed_with_where_they_come_and_shown_with_what_came() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    let none = shop.page("/deliveries").await;
    check_has(
        &none,
        &[
            "No delivery came yet",
            "/hooks/",
            "<code>http://127.0.0.1:4601",
        ],
    );
    shop.deliver(&format!("a body with {MARKUP}")).await;
    let list = shop.page("/deliveries").await;
    check_has(
        &list,
        &["data-key=\"delivery-1\"", "queued</span>", "pings"],
    );
    let one = shop.page("/deliveries/1").await;
    check_has(
        &one,
        &[
            &format!("a body with {ESCAPED}"),
            "x-note",
            "data-path=\"/api/v1/deliveries/1/replays\"",
            "tidegate deliveries replay 1<",
        ],
    );
    assert!(!one.contains(SECRET) && !one.contains(MARKUP), "{one}");
    let other = shop.page("/deliveries?webhook=orders").await;
    check_has(&other, &["No delivery is like that"]);
    let webhook = shop.page("/objects/webhook/pings").await;
    check_has(&webhook, &["give the address to the provider", "/hooks/"]);
}

#[tokio::test]
async fn every_run_is_on_one_page_of_the_list_or_another() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    for _ in 0..51 {
        shop.run("Ada").await;
    }
    let rows = |html: &str| html.matches("data-key=\"run-").count();
    let first = shop
        .page("/runs?status=succeeded&object=action%20greet")
        .await;
    assert_eq!(rows(&first), 50);
    let older = "?status=succeeded&#38;object=action%20greet&#38;before=2";
    check_has(&first, &[older]);
    let second = shop
        .page(&format!("/runs{}", older.replace("&#38;", "&")))
        .await;
    assert_eq!(rows(&second), 1);
    check_has(&second, &["data-key=\"run-1\""]);
}

#[tokio::test]
async fn what_is_live_offers_no_way_back_to_itself() {
    let shop = Shop::open().await;
    shop.deploy("development", "a").await;
    shop.deploy("development", "b").await;
    let offered = |html: &str| html.contains("/rollbacks\"");
    assert!(offered(&shop.page("/deploys/1").await));
    assert!(!offered(&shop.page("/deploys/2").await));
}
