//! No secret stands in any file of the data directory but the key's.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use domain::declare::ChangeOrder;
use domain::{HookOutcome, Requests, Secret, UserId, ValueKey, ValueKind};

use super::fixture::{Fixture, at, subscription, webhook};
use crate::{Account, PutAccount};

/// The forms in which a secret would give itself away.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![
        secret.as_bytes().to_vec(),
        hex::encode(secret).into_bytes(),
        hex::encode_upper(secret).into_bytes(),
    ];
    // In base64 a text looks different at each of three offsets; its ends
    // depend on what stands beside it.
    for skip in 0..3 {
        let whole = &secret.as_bytes()[skip..];
        let whole = &whole[..whole.len() / 3 * 3];
        forms.push(STANDARD_NO_PAD.encode(whole).into_bytes());
        forms.push(URL_SAFE_NO_PAD.encode(whole).into_bytes());
    }
    forms
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.file_name().is_some_and(|name| name != "key") {
            found.push(path);
        }
    }
}

/// Returns the files in which a secret is found.
fn search(dir: &Path, secrets: &[&str]) -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    files(dir, &mut paths);
    let mut leaks = Vec::new();
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        for secret in secrets {
            let leaked = forms(secret)
                .iter()
                .any(|form| bytes.windows(form.len()).any(|window| window == form));
            if leaked {
                leaks.push((path.clone(), (*secret).to_owned()));
            }
        }
    }
    leaks
}

#[tokio::test]
async fn no_secret_stands_in_the_database_or_its_journal() {
    let fixture = Fixture::new().await;
    fixture.set_secret("TOKEN", "hunter2-hunter2-hunter2").await;
    let objects = vec![webhook("w", ChangeOrder::Replace, &["TOKEN"])];
    let deployed = fixture.deploy(objects, &[("w", "{}")]).await;
    let step = deployed.applied.steps[0];
    let token = fixture
        .store
        .step_context(step)
        .await
        .unwrap()
        .endpoint_token;
    let broken = HookOutcome::Broken {
        message: "trap".to_owned(),
    };
    fixture.attempt(step, broken, Requests::Unanswered).await;
    let found = vec![
        subscription("kept-subscription"),
        subscription("extra-subscription"),
    ];
    fixture
        .attempt(step, HookOutcome::Found(found), Requests::Answered)
        .await;
    fixture
        .store
        .put_user(PutAccount {
            place: fixture.place,
            user: UserId("user-1".to_owned()),
            account: Some(Account {
                integration: "shop".to_owned(),
                settings: Secret::new("{\"pin\":\"setting-of-the-user\"}"),
                credential: Some(Secret::new("{\"access_token\":\"credential-of-the-user\"}")),
                scopes: vec!["read".to_owned()],
            }),
            actor: "ada".to_owned(),
            now: at(5),
        })
        .await
        .unwrap();
    let secrets = [
        "hunter2-hunter2-hunter2",
        token.expose(),
        "kept-subscription",
        "extra-subscription",
        "signing-secret-of-kept-subscription",
        "setting-of-the-user",
        "credential-of-the-user",
    ];
    assert!(fixture.data.path().join("tidegate.db-wal").exists());
    assert_eq!(search(fixture.data.path(), &secrets), []);
    // What is sealed is there all the same.
    let users = fixture.store.users(fixture.place).await.unwrap();
    let credential = users[0].accounts[0].credential.as_ref().unwrap();
    assert!(credential.expose().contains("credential-of-the-user"));
    fixture.tamper("PRAGMA wal_checkpoint(TRUNCATE)").await;
    assert_eq!(search(fixture.data.path(), &secrets), []);
}

#[tokio::test]
async fn the_search_finds_a_leak_in_each_form() {
    let secret = "hunter2-hunter2-hunter2";
    let leaks = [
        secret.to_owned(),
        hex::encode(secret),
        STANDARD_NO_PAD.encode(format!("a{secret}")),
        STANDARD_NO_PAD.encode(format!("ab{secret}z")),
        URL_SAFE_NO_PAD.encode(secret),
    ];
    for leak in leaks {
        let fixture = Fixture::new().await;
        let key = ValueKey {
            kind: ValueKind::Variable,
            name: "LEAK".to_owned(),
        };
        fixture
            .store
            .set_value(
                fixture.place,
                key,
                Secret::new(leak),
                "ada".to_owned(),
                at(1),
            )
            .await
            .unwrap();
        assert!(!search(fixture.data.path(), &[secret]).is_empty());
    }
}
