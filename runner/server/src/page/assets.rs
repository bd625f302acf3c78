//! The style sheet, the script and the icon: compiled in, each under a name
//! that holds the hash of its content, so that browsers may keep it for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use super::failure::Failure;

/// The assets that every page names.
pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new(
        "page",
        "css",
        "text/css; charset=utf-8",
        include_str!("../../templates/assets/page.css"),
    ),
    script: Asset::new(
        "page",
        "js",
        "text/javascript; charset=utf-8",
        include_str!("../../templates/assets/page.js"),
    ),
    icon: Asset::new(
        "icon",
        "svg",
        "image/svg+xml",
        include_str!("../../templates/assets/icon.svg"),
    ),
});

/// All assets.
pub(super) struct Assets {
    pub(super) style: Asset,
    pub(super) script: Asset,
    pub(super) icon: Asset,
}

/// One asset.
pub(super) struct Asset {
    name: String,
    content_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, content_type: &'static str, content: &'static str) -> Self {
        let hash = hex::encode(&Sha256::digest(content)[..8]);
        Self {
            name: format!("{stem}-{hash}.{extension}"),
            content_type,
            content,
        }
    }

    /// Returns the path that it is served at.
    pub(super) fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// Serves an asset by its name.
pub(super) async fn serve(Path(name): Path<String>) -> Result<Response, Failure> {
    let assets = &*ASSETS;
    let asset = [&assets.style, &assets.script, &assets.icon]
        .into_iter()
        .find(|asset| asset.name == name)
        .ok_or_else(|| Failure::missing(format!("There is no asset `{name}`.")))?;
    let headers = [
        (CONTENT_TYPE, asset.content_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, asset.content).into_response())
}
