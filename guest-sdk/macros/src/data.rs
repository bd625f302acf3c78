//! `#[data]`: a type that is read and written as JSON, and has a schema.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, Result};

use crate::Expanded;

/// The derives are named by way of the SDK, so that an author's crate need not
/// depend on their crates.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Expanded {
    match check(&arguments, &item) {
        Ok(()) => Expanded {
            item: quote! {
                #[derive(
                    ::tidegate_sdk::__private::serde::Serialize,
                    ::tidegate_sdk::__private::serde::Deserialize,
                    ::tidegate_sdk::__private::schemars::JsonSchema,
                )]
                #[serde(crate = "::tidegate_sdk::__private::serde")]
                #[schemars(crate = "::tidegate_sdk::__private::schemars")]
                #item
            },
            glue: Ok(TokenStream::new()),
        },
        Err(error) => Expanded {
            item,
            glue: Err(error),
        },
    }
}

fn check(arguments: &TokenStream, item: &TokenStream) -> Result<()> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "#[data] takes no keys"));
    }
    syn::parse2::<DeriveInput>(item.clone())
        .map(drop)
        .map_err(|error| Error::new(error.span(), "`#[data]` stands on a struct or an enum"))
}
