//! `#[webhook]`: the functions of a type that subscribe and receive.

mod hooks;
mod signing;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Error, Ident, ItemImpl, LitStr, Result, Type};

use self::hooks::HookSet;
use crate::Expanded;
use crate::declaration::Declaration;
use crate::grammar::Node;
use crate::keys::Keys;
use crate::needs::{Needs, Subscribing, option};
use crate::{duration, names};

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Expanded {
    let glue = match syn::parse2::<ItemImpl>(item.clone()) {
        Ok(item) => glue(arguments, &item),
        Err(error) => Err(Error::new(
            error.span(),
            "a webhook is the `impl` of a type: `struct Events; #[webhook(…)] impl Events { … }`",
        )),
    };
    Expanded { item, glue }
}

fn glue(arguments: TokenStream, item: &ItemImpl) -> Result<TokenStream> {
    let ident = type_name(item)?;
    let mut keys = Keys::parse("#[webhook]", arguments);
    let hooks = HookSet::read(&mut keys, item, ident);
    let declaration = Declaration::take(&mut keys, ident, &item.attrs);
    let integration = keys.name("integration");
    let per_user = keys.flag("per_user");
    let needs = Needs::take(&mut keys, Subscribing::Yes);
    let options = Options::take(&mut keys, ident.span());
    if let Some(node) = keys.value("signature") {
        let signature = signing::signature(node, &needs, hooks.subscribes());
        let signature = keys.noted(signature);
        finish_with(
            keys,
            item,
            Parts {
                hooks,
                declaration,
                integration,
                per_user,
                needs,
                options,
                signature,
            },
        )
    } else {
        keys.note(Error::new(
            ident.span(),
            "a webhook says how its deliveries are signed: `signature = github(secret = NAME)`, or `signature = none`",
        ));
        keys.finish()?;
        Ok(TokenStream::new())
    }
}

struct Parts {
    hooks: HookSet,
    declaration: Declaration,
    integration: Option<LitStr>,
    per_user: bool,
    needs: Needs,
    options: Options,
    signature: Option<TokenStream>,
}

fn finish_with(mut keys: Keys, item: &ItemImpl, parts: Parts) -> Result<TokenStream> {
    let Parts {
        hooks,
        declaration,
        integration,
        per_user,
        needs,
        options,
        signature,
    } = parts;
    if let Some(name) = needs.subscription_use()
        && !hooks.subscribes()
    {
        keys.note(Error::new(
            name.span(),
            "this webhook has no subscription that could depend on it: it has no `subscribe`",
        ));
    }
    keys.finish()?;

    let fields = declaration.fields();
    let name = &declaration.name;
    let integration = option(integration.as_ref());
    let needs = needs.tokens();
    let options = options.fields();
    let flags = hooks.flags();
    let of = &item.self_ty;
    let table = hooks.table(of);
    let checks = hooks.checks();
    Ok(quote! {
        // A function that takes no context leaves the glue's unused.
        #[allow(unused_variables)]
        impl ::tidegate_sdk::Declared for #of {
            const ENTRY: ::tidegate_sdk::__private::Entry = ::tidegate_sdk::__private::Entry {
                kind: ::tidegate_sdk::__private::Kind::Webhook,
                name: #name,
                declare: || ::tidegate_sdk::__private::declare::Declaration::Object(
                    ::tidegate_sdk::__private::declare::Object::Webhook(
                        ::tidegate_sdk::__private::declare::Webhook {
                            #fields
                            integration: #integration,
                            per_user: #per_user,
                            hooks: #flags,
                            needs: #needs,
                            signature: #signature,
                            #options
                        },
                    ),
                ),
                handler: ::tidegate_sdk::__private::Handler::Webhook(&#table),
            };
        }

        #checks
    })
}

fn type_name(item: &ItemImpl) -> Result<&Ident> {
    if item.trait_.is_some() || !item.generics.params.is_empty() {
        return Err(Error::new_spanned(
            item.self_ty.to_token_stream(),
            "a webhook is the plain `impl` of a type, of no trait and not generic",
        ));
    }
    match &*item.self_ty {
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
    .ok_or_else(|| Error::new_spanned(&item.self_ty, "expected the name of a type"))
}

/// The keys that stand for themselves.
struct Options {
    dedupe: TokenStream,
    respond: TokenStream,
    silence_seconds: Option<u32>,
    order: TokenStream,
    challenge: Option<LitStr>,
    timeout: Option<u32>,
}

impl Options {
    fn take(keys: &mut Keys, span: Span) -> Self {
        let dedupe = match keys.value("dedupe") {
            Some(node) => keys.noted(dedupe(&node)).unwrap_or_default(),
            None => quote!(::core::option::Option::None),
        };
        let respond = match keys.value("respond") {
            Some(node) => keys.noted(respond(&node)).unwrap_or_default(),
            None => quote!(::tidegate_sdk::__private::declare::Respond::Ack),
        };
        let silence = keys.text("silence");
        let silence_seconds = silence.and_then(|text| keys.noted(duration::seconds(&text)));
        let order = keys.value("order");
        let order = match order.as_ref().map(|node| (node.word(), node)) {
            None => "Replace",
            Some((Some(word), node)) if word == "replace" && node.is_bare() => "Replace",
            Some((Some(word), node)) if word == "overlap" && node.is_bare() => "Overlap",
            Some((_, node)) => {
                keys.note(node.error("expected `replace` or `overlap`"));
                "Replace"
            }
        };
        let order = Ident::new(order, span);
        Self {
            dedupe,
            respond,
            silence_seconds,
            order: quote!(::tidegate_sdk::__private::declare::ChangeOrder::#order),
            challenge: keys.text("challenge"),
            timeout: keys.milliseconds("timeout"),
        }
    }

    fn fields(&self) -> TokenStream {
        let Self {
            dedupe,
            respond,
            order,
            ..
        } = self;
        let silence = option(self.silence_seconds.as_ref());
        let challenge = option(self.challenge.as_ref());
        let timeout = option(self.timeout.as_ref());
        quote! {
            dedupe: #dedupe,
            respond: #respond,
            silence_seconds: #silence,
            order: #order,
            challenge: #challenge,
            timeout_ms: #timeout,
        }
    }
}

/// `header("X-Id")` or `pointer("/id")`
fn dedupe(node: &Node) -> Result<TokenStream> {
    let error = || node.error("expected `header(\"X-Id\")` or `pointer(\"/id\")`");
    let (word, text) = call_with_text(node).ok_or_else(error)?;
    let key = quote!(::tidegate_sdk::__private::declare::DedupeKey);
    let key = match word.as_str() {
        "header" => quote!(#key::Header(#text)),
        "pointer" if text.value().is_empty() || text.value().starts_with('/') => {
            quote!(#key::Pointer(#text))
        }
        "pointer" => return Err(Error::new(text.span(), "a JSON Pointer begins with `/`")),
        _ => return Err(error()),
    };
    Ok(quote!(::core::option::Option::Some(#key)))
}

/// `ack` or `sync("5s")`
fn respond(node: &Node) -> Result<TokenStream> {
    let respond = quote!(::tidegate_sdk::__private::declare::Respond);
    if node.word().as_deref() == Some("ack") && node.is_bare() {
        return Ok(quote!(#respond::Ack));
    }
    match call_with_text(node) {
        Some((word, text)) if word == "sync" => {
            let deadline = duration::milliseconds(&text)?;
            Ok(quote!(#respond::Sync(#deadline)))
        }
        _ => Err(node.error("expected `ack` or `sync(\"5s\")`")),
    }
}

/// `word("text")`
fn call_with_text(node: &Node) -> Option<(String, LitStr)> {
    let arguments = node.arguments.as_deref()?;
    match arguments {
        [argument] if node.value.is_none() => Some((node.word()?, argument.text().ok()?)),
        _ => None,
    }
}

/// A secret's name, which the webhook has to declare.
fn secret_name(node: &Node, needs: &Needs) -> Result<LitStr> {
    let name = names::check(node.name()?)?;
    if needs.has_secret(&name) {
        return Ok(name);
    }
    let message = format!(
        "the secret is not declared: add `secrets({})`",
        name.value()
    );
    Err(Error::new(name.span(), message))
}
