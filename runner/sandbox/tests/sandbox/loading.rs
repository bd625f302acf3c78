//! What can be loaded, what is refused, and what the cache makes of damage.

use std::fs;
use std::path::PathBuf;

use domain::ArtifactDigest;
use sandbox::{Compiler, LoadError, MAX_ARTIFACT, Output, Sandbox, Settings, Unfit};

use crate::fixture::{Fixture, KEY, action, grants};
use crate::guest::Guest;

fn echo() -> Guest {
    Guest::action("(call $ok (local.get $input) (local.get $input_len))")
}

fn cached(fixture: &Fixture, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(fixture.dir.path().join("cache"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

fn reopen(fixture: &Fixture, key: [u8; 32]) -> Sandbox {
    let mut settings = Settings::new(fixture.dir.path().join("cache"), key);
    settings.slots = 1;
    Sandbox::open(settings).unwrap()
}

#[tokio::test]
async fn what_is_no_component_is_refused_by_name() {
    let fixture = Fixture::new();
    let component = echo().build();
    for (bytes, expected) in [
        (b"hello".to_vec(), "not WebAssembly"),
        (
            wat::parse_str("(module)").unwrap(),
            "core WebAssembly module",
        ),
        (
            component[..component.len() / 2].to_vec(),
            "truncated or damaged",
        ),
        (
            wat::parse_str("(component)").unwrap(),
            "does not export tidegate:project/guest",
        ),
    ] {
        let error = fixture.load_bytes(&bytes).await.unwrap_err();
        assert!(matches!(error, LoadError::Unfit(_)));
        assert!(error.to_string().contains(expected), "{error}");
    }
    fixture.still_serves().await;
}

#[tokio::test]
async fn imports_that_are_not_offered_are_refused_before_anything_is_compiled() {
    let fixture = Fixture::new();
    let bytes = wat::parse_str(
        "(component (import \"acme:db/query@1.0.0\" (instance)) (instance $i)
           (export \"tidegate:project/guest@1.0.0\" (instance $i)))",
    )
    .unwrap();
    match fixture.load_bytes(&bytes).await {
        Err(LoadError::Unfit(Unfit::Imports(names))) => assert_eq!(names, ["acme:db/query@1.0.0"]),
        other => panic!("expected a refusal, found {other:?}"),
    }
    assert!(cached(&fixture, "code").is_empty());
}

#[tokio::test]
async fn exports_and_imports_of_other_types_are_refused_and_not_kept() {
    let fixture = Fixture::new();
    let no_functions = "(component (instance $i)
        (export \"tidegate:project/guest@1.0.0\" (instance $i)))";
    let other_import = "(component
        (import \"wasi:random/random@0.2.6\" (instance (export \"get-random-u64\" (func (result string)))))
        (instance $i) (export \"tidegate:project/guest@1.0.0\" (instance $i)))";
    for text in [no_functions, other_import] {
        let error = fixture
            .load_bytes(&wat::parse_str(text).unwrap())
            .await
            .unwrap_err();
        assert!(matches!(error, LoadError::Mismatch(_)), "{error}");
        assert!(cached(&fixture, "code").is_empty());
    }
}

#[tokio::test]
async fn a_component_with_more_parts_than_a_slot_has_room_for_is_refused() {
    let fixture = Fixture::new();
    let memories = "(core instance (instantiate $m))".repeat(5);
    let text = format!(
        "(component (core module $m (memory 1)) {memories} (instance $i)
           (export \"tidegate:project/guest@1.0.0\" (instance $i)))"
    );
    let error = fixture
        .load_bytes(&wat::parse_str(text).unwrap())
        .await
        .unwrap_err();
    assert!(matches!(error, LoadError::Parts(_)), "{error}");
    assert!(
        error.to_string().contains("5 Wasm linear memories"),
        "{error}"
    );
    assert!(cached(&fixture, "code").is_empty());
}

#[tokio::test]
async fn an_artifact_that_is_too_large_damaged_or_gone_is_refused() {
    let fixture = Fixture::new();
    let (artifact, path) = fixture.store(b"something");
    let load = || fixture.sandbox.load(artifact, &path, Compiler::Optimizing);
    fs::write(&path, echo().build()).unwrap();
    let error = load().await.unwrap_err();
    assert!(matches!(error, LoadError::OtherDigest { .. }), "{error}");
    fs::File::create(&path)
        .unwrap()
        .set_len(MAX_ARTIFACT + 1)
        .unwrap();
    let error = load().await.unwrap_err();
    assert!(error.to_string().contains("67108865 bytes"), "{error}");
    fs::remove_file(&path).unwrap();
    let error = load().await.unwrap_err();
    assert!(matches!(error, LoadError::Read { .. }), "{error}");
}

#[tokio::test]
async fn a_component_is_compiled_once_and_then_comes_from_memory_or_the_cache() {
    let fixture = Fixture::new();
    let (artifact, path) = fixture.store(&echo().build());
    let load = |sandbox: Sandbox| {
        let path = path.clone();
        async move {
            sandbox
                .load(artifact, &path, Compiler::Optimizing)
                .await
                .unwrap()
        }
    };
    let (first, second) =
        tokio::join!(load(fixture.sandbox.clone()), load(fixture.sandbox.clone()));
    assert!(std::sync::Arc::ptr_eq(&first, &second));
    assert!(first.was_compiled());
    let again = load(reopen(&fixture, KEY)).await;
    assert!(!again.was_compiled());
    assert_eq!(again.compiler(), Compiler::Optimizing);
    fixture.sandbox.forget(artifact).unwrap();
    assert!(cached(&fixture, "code").is_empty() && cached(&fixture, "tag").is_empty());
    assert!(load(fixture.sandbox.clone()).await.was_compiled());
}

#[tokio::test]
async fn code_that_this_host_did_not_write_is_never_loaded() {
    let fixture = Fixture::new();
    let (artifact, path) = fixture.store(&echo().build());
    fixture.load(&echo()).await;
    let code = cached(&fixture, "code").remove(0);
    let tag = cached(&fixture, "tag").remove(0);
    let (good_code, good_tag) = (fs::read(&code).unwrap(), fs::read(&tag).unwrap());

    let mut flipped = good_code.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let other = Guest::action("(call $ok (i32.const 0) (i32.const 1))").build();
    let (other, other_path) = fixture.store(&other);
    fixture
        .sandbox
        .load(other, &other_path, Compiler::Optimizing)
        .await
        .unwrap();
    let of_other = |extension| {
        let files = cached(&fixture, extension);
        let name = other.to_string();
        let found = files
            .into_iter()
            .find(|file| file.to_string_lossy().contains(&name));
        fs::read(found.unwrap()).unwrap()
    };
    for (bad_code, bad_tag) in [
        (flipped.clone(), good_tag.clone()),
        (good_code[..middle].to_vec(), good_tag.clone()),
        (Vec::new(), good_tag.clone()),
        (good_code.clone(), vec![0; 32]),
        (good_code.clone(), good_tag[..31].to_vec()),
        (flipped.clone(), blake3_of(&flipped)),
        // An entry of another artifact, tag and all, put in this one's place.
        (of_other("code"), of_other("tag")),
    ] {
        fs::write(&code, bad_code).unwrap();
        fs::write(&tag, bad_tag).unwrap();
        let sandbox = reopen(&fixture, KEY);
        let component = sandbox
            .load(artifact, &path, Compiler::Optimizing)
            .await
            .unwrap();
        assert!(component.was_compiled());
        let report = sandbox.call(&component, action("5"), grants()).await;
        assert_eq!(report.outcome, Ok(Output::Run("5".to_owned())));
        assert_eq!(fs::read(&code).unwrap(), good_code, "the entry was mended");
        assert_eq!(fs::read(&tag).unwrap(), good_tag);
    }
    let with_another_key = reopen(&fixture, [8; 32]);
    let component = with_another_key
        .load(artifact, &path, Compiler::Optimizing)
        .await
        .unwrap();
    assert!(component.was_compiled());
}

/// What somebody without the key could write.
fn blake3_of(code: &[u8]) -> Vec<u8> {
    blake3::hash(code).as_bytes().to_vec()
}

#[tokio::test]
async fn the_fast_compiler_gives_way_to_the_other_where_it_cannot_compile() {
    let fixture = Fixture::new();
    let tail_call = Guest::action("(return_call $ok (local.get $input) (local.get $input_len))");
    for (guest, expected) in [(echo(), Compiler::Fast), (tail_call, Compiler::Optimizing)] {
        let (artifact, path) = fixture.store(&guest.build());
        for sandbox in [fixture.sandbox.clone(), reopen(&fixture, KEY)] {
            let component = sandbox.load(artifact, &path, Compiler::Fast).await.unwrap();
            if cfg!(target_arch = "x86_64") {
                assert_eq!(component.compiler(), expected);
            }
            let report = sandbox.call(&component, action("5"), grants()).await;
            assert_eq!(report.outcome, Ok(Output::Run("5".to_owned())));
        }
    }
}

#[tokio::test]
async fn components_used_longest_ago_leave_memory() {
    let fixture = Fixture::with(|settings| settings.loaded = 2);
    let mut stored = Vec::new();
    for number in 0..3 {
        let guest = Guest::action("(call $ok (i32.const 2048) (i32.const 1))")
            .item(&format!("(data (i32.const 2048) \"{number}\")"));
        let bytes = guest.build();
        stored.push(fixture.store(&bytes));
    }
    let load = |number: usize| {
        let (artifact, path): &(ArtifactDigest, PathBuf) = &stored[number];
        fixture.sandbox.load(*artifact, path, Compiler::Optimizing)
    };
    let first = load(0).await.unwrap();
    load(1).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &load(0).await.unwrap()));
    load(2).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &load(0).await.unwrap()));
    load(1).await.unwrap();
    load(2).await.unwrap();
    assert!(!std::sync::Arc::ptr_eq(&first, &load(0).await.unwrap()));
}
