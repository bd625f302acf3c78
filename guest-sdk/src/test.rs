//! Testing a project with plain `cargo test`, without Tidegate.
//!
//! A [`Context`] scripts what the host would answer, and is handed to the
//! author's functions as they stand:
//!
//! ```
//! use tidegate_sdk::test::{self, Answer};
//! use tidegate_sdk::{Context, Result};
//!
//! fn stock(ctx: &Context, article: String) -> Result<u32> {
//!     let url = format!("{}/stock/{article}", ctx.variable("SHOP_URL")?);
//!     ctx.http().get(url).send()?.error_for_status()?.json()
//! }
//!
//! let ctx = test::Context::new()
//!     .with_variable("SHOP_URL", "https://shop.example")
//!     .answer("GET", "https://shop.example/stock/tea", Answer::json(200, &12));
//! assert_eq!(stock(&ctx, "tea".to_owned()).unwrap(), 12);
//! assert_eq!(ctx.requests().len(), 1);
//! ```
//!
//! [`Context::of`] permits what one object declares and refuses the rest, as the
//! host does; [`Context::new`] permits whatever is scripted. [`run_action`] and
//! [`run_workflow`] go through JSON as a call from outside would, and
//! [`registration`] and [`delivery`] make what hooks and `receive` are handed.
//! [`collect`] gives what a project declares, or every fault in it.
//!
//! It exists on every target but WASI.

mod answer;
mod context;
mod hosts;
mod inputs;
mod list;
mod script;

pub use self::answer::{Answer, SentRequest};
pub use self::context::{Context, LogLine};
pub use self::inputs::{delivery, registration};
pub use self::list::{DeployList, collect, run_action, run_workflow};
