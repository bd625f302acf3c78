//! `#[action]` and `#[workflow]`: functions that run.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, ItemFn, Result};

use crate::Expanded;
use crate::declaration::Declaration;
use crate::grammar::Node;
use crate::keys::Keys;
use crate::needs::{Needs, Subscribing, option};
use crate::signature::Handler;

pub(crate) fn action(arguments: TokenStream, item: TokenStream) -> Expanded {
    on_function(arguments, item, "an action", action_glue)
}

pub(crate) fn workflow(arguments: TokenStream, item: TokenStream) -> Expanded {
    on_function(arguments, item, "a workflow", workflow_glue)
}

fn on_function(
    arguments: TokenStream,
    item: TokenStream,
    what: &str,
    glue: fn(TokenStream, &ItemFn) -> Result<TokenStream>,
) -> Expanded {
    let glue = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => glue(arguments, &function),
        Err(error) => Err(syn::Error::new(
            error.span(),
            format!("{what} is a function"),
        )),
    };
    Expanded { item, glue }
}

fn action_glue(arguments: TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let ident = &function.sig.ident;
    let mut keys = Keys::parse("#[action]", arguments);
    let declaration = Declaration::take(&mut keys, ident, &function.attrs);
    let integration = keys.name("integration");
    let needs = Needs::take(&mut keys, Subscribing::No);
    let timeout = keys.milliseconds("timeout");
    let idempotent = keys.flag("idempotent");
    let usage = "an action takes `(input)` or `(ctx: &Context, input)`";
    let handler = keys.noted(Handler::read(&function.sig, &[1], usage));
    keys.finish()?;
    let Some(handler) = handler else {
        return Ok(TokenStream::new());
    };

    let input = &handler.parameters[0];
    let output = &handler.output;
    let input_schema =
        quote_spanned!(input.span()=> ::tidegate_sdk::__private::glue::input_schema::<#input>());
    let output_schema =
        quote_spanned!(output.span()=> ::tidegate_sdk::__private::glue::output_schema::<#output>());
    let fields = declaration.fields();
    let needs = needs.tokens();
    let integration = option(integration.as_ref());
    let timeout = option(timeout.as_ref());
    let declare = quote! {
        ::tidegate_sdk::__private::declare::Object::Action(
            ::tidegate_sdk::__private::declare::Action {
                #fields
                integration: #integration,
                input: #input_schema,
                output: #output_schema,
                needs: #needs,
                timeout_ms: #timeout,
                idempotent: #idempotent,
            },
        )
    };
    Ok(entry(function, &declaration, "Action", &declare, &handler))
}

fn workflow_glue(arguments: TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let ident = &function.sig.ident;
    let mut keys = Keys::parse("#[workflow]", arguments);
    let declaration = Declaration::take(&mut keys, ident, &function.attrs);
    let integration = keys.name("integration");
    let trigger = match keys.value("trigger") {
        Some(node) => keys.noted(trigger(node)),
        None => Some(simple_trigger("Request", None)),
    };
    let on_by_default = keys.flag("on_by_default");
    let needs = Needs::take(&mut keys, Subscribing::No);
    let timeout = keys.milliseconds("timeout");
    let usage =
        "a workflow takes `(input)`, `(ctx: &Context, input)`, `(ctx: &Context)` or nothing";
    let handler = keys.noted(Handler::read(&function.sig, &[0, 1], usage));
    keys.finish()?;
    let (Some(handler), Some(trigger)) = (handler, trigger) else {
        return Ok(TokenStream::new());
    };

    let fields = declaration.fields();
    let needs = needs.tokens();
    let integration = option(integration.as_ref());
    let timeout = option(timeout.as_ref());
    let declare = quote! {
        ::tidegate_sdk::__private::declare::Object::Workflow(
            ::tidegate_sdk::__private::declare::Workflow {
                #fields
                integration: #integration,
                trigger: #trigger,
                on_by_default: #on_by_default,
                needs: #needs,
                timeout_ms: #timeout,
            },
        )
    };
    Ok(entry(
        function,
        &declaration,
        "Workflow",
        &declare,
        &handler,
    ))
}

/// `request`, `webhook("name")`, `event("name")`, or
/// `schedule("cron", time_zone = "…", catch_up = once)`
fn trigger(node: Node) -> Result<TokenStream> {
    let error = node.error(
        "expected `request`, `webhook(\"name\")`, `event(\"name\")` or `schedule(\"0 7 * * *\", …)`",
    );
    let word = node.word().unwrap_or_default();
    let plain = node.value.is_none();
    match (word.as_str(), node.arguments) {
        ("request", None) if plain => Ok(simple_trigger("Request", None)),
        ("webhook", Some(arguments)) if plain => named_trigger("Webhook", arguments, error),
        ("event", Some(arguments)) if plain => named_trigger("Event", arguments, error),
        ("schedule", Some(arguments)) if plain => schedule(arguments, error),
        _ => Err(error),
    }
}

fn simple_trigger(variant: &str, name: Option<syn::LitStr>) -> TokenStream {
    let variant = Ident::new(variant, Span::call_site());
    let name = name.map(|name| quote!((#name)));
    quote!(::tidegate_sdk::__private::declare::Trigger::#variant #name)
}

fn named_trigger(variant: &str, arguments: Vec<Node>, error: syn::Error) -> Result<TokenStream> {
    match arguments.as_slice() {
        [one] => {
            let name = crate::names::check(one.text()?)?;
            Ok(simple_trigger(variant, Some(name)))
        }
        _ => Err(error),
    }
}

fn schedule(arguments: Vec<Node>, error: syn::Error) -> Result<TokenStream> {
    let mut keys = Keys::new("`schedule`", arguments);
    let cron = keys.leading_text();
    let time_zone = keys.text("time_zone");
    let catch_up = match keys.value("catch_up") {
        None => Some("Once"),
        Some(node) => match node.word().as_deref() {
            Some("once") if node.is_bare() => Some("Once"),
            Some("skip") if node.is_bare() => Some("Skip"),
            _ => {
                keys.note(node.error("expected `once` or `skip`"));
                None
            }
        },
    };
    keys.finish()?;
    let (Some(cron), Some(catch_up)) = (cron, catch_up) else {
        return Err(error);
    };
    if cron.value().split_whitespace().count() != 5 {
        return Err(syn::Error::new(
            cron.span(),
            "a schedule has five fields: minute, hour, day, month, weekday",
        ));
    }
    let time_zone = time_zone.map_or_else(|| "UTC".to_owned(), |zone| zone.value());
    let catch_up = Ident::new(catch_up, Span::call_site());
    Ok(quote! {
        ::tidegate_sdk::__private::declare::Trigger::Schedule(
            ::tidegate_sdk::__private::declare::Schedule {
                cron: #cron,
                time_zone: #time_zone,
                catch_up: ::tidegate_sdk::__private::declare::CatchUp::#catch_up,
            },
        )
    })
}

/// A type of the function's name, which stands for it in `project!`: braces
/// keep it out of the way of the function itself.
fn entry(
    function: &ItemFn,
    declaration: &Declaration,
    kind: &str,
    declare: &TokenStream,
    handler: &Handler,
) -> TokenStream {
    let (visibility, ident) = (&function.vis, &function.sig.ident);
    let kind = Ident::new(kind, Span::call_site());
    let name = &declaration.name;
    let ctx = handler.context_name();
    let context = handler.context_argument();
    let output = &handler.output;
    // Marked as the macro's, lest the compiler suggest edits of the signature.
    let mut called = ident.clone();
    called.set_span(Span::call_site().located_at(ident.span()));
    // Types that are written out rather than inferred: a type that does not
    // fit is then reported where the author wrote it.
    let written = quote_spanned!(output.span()=>
        <#output as ::tidegate_sdk::__private::glue::Outcome>::Output
    );
    let run = quote!(::tidegate_sdk::__private::glue::run);
    let run = if let Some(read) = handler.parameters.first() {
        let input = handler.parameter_name("input", 0);
        let call = quote_spanned!(output.span()=> #called(#context #input));
        quote!(|#ctx, json| #run::<#read, #written, _>(json, |#input| #call))
    } else {
        let call = quote_spanned!(output.span()=> #called(#context));
        quote!(|#ctx, _| #run::<(), #written, _>("null", |()| #call))
    };
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #visibility struct #ident {}

        #[allow(unused_variables)]
        impl ::tidegate_sdk::Declared for #ident {
            const ENTRY: ::tidegate_sdk::__private::Entry = ::tidegate_sdk::__private::Entry {
                kind: ::tidegate_sdk::__private::Kind::#kind,
                name: #name,
                declare: || ::tidegate_sdk::__private::declare::Declaration::Object(#declare),
                handler: ::tidegate_sdk::__private::Handler::Run(#run),
            };
        }
    }
}
