//! `#[app_event]`: a type that the team's product sends.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Ident, Result};

use crate::Expanded;
use crate::declaration::Declaration;
use crate::keys::Keys;

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Expanded {
    let glue = on_type("an app event", item.clone()).and_then(|input| glue(arguments, &input));
    Expanded { item, glue }
}

fn glue(arguments: TokenStream, input: &DeriveInput) -> Result<TokenStream> {
    let ident = &input.ident;
    let mut keys = Keys::parse("#[app_event]", arguments);
    let declaration = Declaration::take(&mut keys, ident, &input.attrs);
    keys.finish()?;
    let fields = declaration.fields();
    let schema =
        quote_spanned!(ident.span()=> ::tidegate_sdk::__private::glue::input_schema::<#ident>());
    let declare = quote! {
        ::tidegate_sdk::__private::declare::Declaration::Object(
            ::tidegate_sdk::__private::declare::Object::AppEvent(
                ::tidegate_sdk::__private::declare::AppEvent {
                    #fields
                    schema: #schema,
                },
            ),
        )
    };
    Ok(data_entry(ident, "AppEvent", &declaration.name, &declare))
}

pub(crate) fn on_type(what: &str, item: TokenStream) -> Result<DeriveInput> {
    let input: DeriveInput = syn::parse2(item)
        .map_err(|error| syn::Error::new(error.span(), format!("{what} is a type")))?;
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new(
            input.ident.span(),
            format!("{what} is not generic"),
        ));
    }
    Ok(input)
}

/// The entry of something that is declared and never called.
pub(crate) fn data_entry(
    ident: &Ident,
    kind: &str,
    name: &syn::LitStr,
    declare: &TokenStream,
) -> TokenStream {
    let kind = Ident::new(kind, Span::call_site());
    quote! {
        impl ::tidegate_sdk::Declared for #ident {
            const ENTRY: ::tidegate_sdk::__private::Entry = ::tidegate_sdk::__private::Entry {
                kind: ::tidegate_sdk::__private::Kind::#kind,
                name: #name,
                declare: || #declare,
                handler: ::tidegate_sdk::__private::Handler::None,
            };
        }
    }
}
