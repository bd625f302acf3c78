//! `#[uses]`: a type that is another project's action input or event.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, Ident, LitStr, Result, Token, Type};

use crate::Expanded;
use crate::app_event::{data_entry, on_type};
use crate::declaration::location;
use crate::names;

const USAGE: &str = "write `project = \"name\", event = \"name\"` or `project = \"name\", action = \"name\", output = Type`";

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Expanded {
    let glue = on_type("a use", item.clone()).and_then(|input| glue(arguments, &input));
    Expanded { item, glue }
}

/// Its own grammar, for the sake of the type.
#[derive(Default)]
struct Arguments {
    project: Option<LitStr>,
    action: Option<LitStr>,
    event: Option<LitStr>,
    output: Option<Type>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments = Self::default();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            let slot = match key.to_string().as_str() {
                "project" => &mut arguments.project,
                "action" => &mut arguments.action,
                "event" => &mut arguments.event,
                "output" => {
                    input.parse::<Token![=]>()?;
                    refuse_twice(&key, arguments.output.is_some())?;
                    arguments.output = Some(input.parse()?);
                    comma(input)?;
                    continue;
                }
                other => {
                    let message = format!(
                        "#[uses] has no key `{other}`; it takes: project, action, event, output"
                    );
                    return Err(Error::new(key.span(), message));
                }
            };
            refuse_twice(&key, slot.is_some())?;
            input.parse::<Token![=]>()?;
            *slot = Some(names::check(input.parse()?)?);
            comma(input)?;
        }
        Ok(arguments)
    }
}

fn refuse_twice(key: &Ident, is_twice: bool) -> Result<()> {
    if is_twice {
        return Err(Error::new(key.span(), format!("`{key}` is given twice")));
    }
    Ok(())
}

fn comma(input: ParseStream<'_>) -> Result<()> {
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(())
}

fn glue(arguments: TokenStream, item: &DeriveInput) -> Result<TokenStream> {
    let ident = &item.ident;
    let span = arguments.span();
    let Arguments {
        project,
        action,
        event,
        output,
    } = syn::parse2(arguments)?;
    let glue = quote!(::tidegate_sdk::__private::glue);
    let (project, name, used) = match (project, action, event, output) {
        (Some(project), Some(name), None, Some(output)) => {
            let input = quote_spanned!(ident.span()=> #glue::written_schema::<#ident>());
            let output = quote_spanned!(output.span()=> #glue::input_schema::<#output>());
            let used = quote! {
                ::tidegate_sdk::__private::declare::Used::Action {
                    name: #name,
                    input: #input,
                    output: #output,
                }
            };
            (project, name, used)
        }
        (Some(project), None, Some(name), None) => {
            let schema = quote_spanned!(ident.span()=> #glue::input_schema::<#ident>());
            let used = quote! {
                ::tidegate_sdk::__private::declare::Used::Event { name: #name, schema: #schema }
            };
            (project, name, used)
        }
        _ => return Err(Error::new(span, USAGE)),
    };
    let location = location(ident.span());
    let declare = quote! {
        ::tidegate_sdk::__private::declare::Declaration::Use(
            ::tidegate_sdk::__private::declare::ProjectUse {
                project: #project,
                used: #used,
                location: #location,
            },
        )
    };
    Ok(data_entry(ident, "Use", &name, &declare))
}
