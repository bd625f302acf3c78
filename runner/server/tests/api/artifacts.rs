//! Artifacts are what their digest says, or are not taken.

use domain::ArtifactDigest;

use crate::world::World;

const BYTES: (&str, &str) = ("content-type", "application/octet-stream");

#[tokio::test]
async fn an_artifact_is_there_once_it_was_uploaded() {
    let world = World::new().await;
    let component = b"not a component, but bytes".to_vec();
    let path = format!("/api/v1/artifacts/{}", ArtifactDigest::of(&component));
    let head = async || world.send("HEAD", &path, &[], "").await.status;
    assert_eq!(head().await, 404);
    for _ in 0..2 {
        let put = world.send("PUT", &path, &[BYTES], component.clone()).await;
        assert_eq!(put.is(201)["size_bytes"], component.len());
    }
    assert_eq!(head().await, 200);
    let listed = world.get("/api/v1/artifacts").await.is(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_artifact_that_was_damaged_on_disk_is_not_there() {
    let world = World::new().await;
    let component = b"some bytes".to_vec();
    let artifact = world.upload(&component).await;
    let file = world
        .data_dir()
        .join("artifacts")
        .join(format!("{artifact}.wasm"));
    std::fs::write(file, "other bytes").unwrap();
    let path = format!("/api/v1/artifacts/{artifact}");
    assert_eq!(world.send("HEAD", &path, &[], "").await.status, 404);
    world.upload(&component).await;
    assert_eq!(world.send("HEAD", &path, &[], "").await.status, 200);
}

#[tokio::test]
async fn bytes_under_the_digest_of_others_are_refused() {
    let world = World::new().await;
    let path = format!("/api/v1/artifacts/{}", ArtifactDigest::of(b"one thing"));
    let put = world.send("PUT", &path, &[BYTES], "another").await;
    assert_eq!(put.is(422)["code"], "artifact-mismatch");
    assert_eq!(world.send("HEAD", &path, &[], "").await.status, 404);
    let odd = world
        .send("PUT", "/api/v1/artifacts/abc", &[BYTES], "a")
        .await;
    assert_eq!(odd.is(400)["code"], "request-invalid");
}

#[tokio::test]
async fn no_artifact_is_larger_than_64_mib() {
    let world = World::new().await;
    let component = vec![7; 64 * 1024 * 1024 + 1];
    let path = format!("/api/v1/artifacts/{}", ArtifactDigest::of(&component));
    // The answer may come while the client still writes, which then is cut off;
    // announcing the length is enough to be told.
    let put = world.send("PUT", &path, &[BYTES], component).await;
    assert_eq!(put.is(413)["code"], "request-too-large");
}
