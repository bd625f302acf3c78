//! Requests to the hosts that an object declares.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use tidegate_sdk::{Context, Result};
//!
//! #[derive(Serialize)]
//! struct NewOrder<'a> {
//!     article: &'a str,
//! }
//!
//! #[derive(Deserialize)]
//! struct Order {
//!     id: u64,
//! }
//!
//! fn place(ctx: &Context, article: &str) -> Result<u64> {
//!     let order: Order = ctx
//!         .http()
//!         .post("https://shop.example/orders")
//!         .bearer(&ctx.secret("SHOP_TOKEN")?)
//!         .json(&NewOrder { article })?
//!         .send()?
//!         .error_for_status()?
//!         .json()?;
//!     Ok(order.id)
//! }
//!
//! use tidegate_sdk::test::Answer;
//! let ctx = tidegate_sdk::test::Context::new()
//!     .with_secret("SHOP_TOKEN", "t0p-s3cret")
//!     .answer(
//!         "POST",
//!         "https://shop.example/orders",
//!         Answer::json(201, &serde_json::json!({ "id": 7 })),
//!     );
//! assert_eq!(place(&ctx, "tea").unwrap(), 7);
//! assert_eq!(ctx.requests()[0].json()["article"], "tea");
//! ```

mod client;
mod date;
mod redirect;
mod response;
mod url;

pub use self::client::{Client, RequestBuilder};
pub use self::response::Response;
pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
