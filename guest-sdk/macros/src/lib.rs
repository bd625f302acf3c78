//! The attribute macros of `tidegate-sdk`, which documents them.
//!
//! A macro checks what the author wrote and writes glue; whatever can be
//! ordinary code is ordinary code in the SDK. Nothing here may depend on what
//! other items say: a macro sees its own item only.

mod app_event;
mod data;
mod declaration;
mod duration;
mod grammar;
mod integration;
mod keys;
mod names;
mod needs;
mod runnable;
mod signature;
mod uses;
mod webhook;

use proc_macro::TokenStream;
use quote::quote;

/// Derives what inputs and outputs need.
#[proc_macro_attribute]
pub fn data(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(arguments, item, data::expand)
}

/// Declares an action.
#[proc_macro_attribute]
pub fn action(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(arguments, item, runnable::action)
}

/// Declares a workflow.
#[proc_macro_attribute]
pub fn workflow(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(arguments, item, runnable::workflow)
}

/// Declares a webhook.
#[proc_macro_attribute]
pub fn webhook(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(arguments, item, webhook::expand)
}

/// Declares an integration.
#[proc_macro_attribute]
pub fn integration(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(arguments, item, integration::expand)
}

/// Declares an app event.
#[proc_macro_attribute]
pub fn app_event(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(arguments, item, app_event::expand)
}

/// Declares the use of another project's action or event.
#[proc_macro_attribute]
pub fn uses(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(arguments, item, uses::expand)
}

type Expansion = fn(proc_macro2::TokenStream, proc_macro2::TokenStream) -> Expanded;

/// The item as it stays, and the glue or what is wrong.
struct Expanded {
    item: proc_macro2::TokenStream,
    glue: syn::Result<proc_macro2::TokenStream>,
}

/// The item stays in place when something is wrong with it, so that the
/// compiler reports that alone and not everything that refers to the item.
fn expand(arguments: TokenStream, item: TokenStream, expansion: Expansion) -> TokenStream {
    let Expanded { item, glue } = expansion(arguments.into(), item.into());
    let glue = glue.unwrap_or_else(|error| error.into_compile_error());
    quote!(#item #glue).into()
}
