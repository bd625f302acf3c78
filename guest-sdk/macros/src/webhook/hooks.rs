//! The functions of a webhook.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Ident, ImplItem, ItemImpl, Type};

use crate::keys::Keys;
use crate::signature::Handler;

/// Each hook: its name, how many parameters it takes besides the context, and
/// how that is said.
const HOOKS: [(&str, usize, &str); 6] = [
    ("props", 0, "`props` takes `()` or `(ctx: &HookContext)`"),
    (
        "subscribe",
        1,
        "`subscribe` takes `(registration)` or `(ctx: &HookContext, registration)`",
    ),
    (
        "unsubscribe",
        2,
        "`unsubscribe` takes `(registration, unsubscribe_props)`, with `ctx: &HookContext` before them if it likes",
    ),
    (
        "refresh",
        2,
        "`refresh` takes `(registration, unsubscribe_props)`, with `ctx: &HookContext` before them if it likes",
    ),
    (
        "check",
        2,
        "`check` takes `(registration, Option<unsubscribe_props>)`, with `ctx: &HookContext` before them if it likes",
    ),
    (
        "receive",
        1,
        "`receive` takes `(delivery)` or `(ctx: &Context, delivery)`",
    ),
];

#[derive(Default)]
pub(super) struct HookSet {
    props: Option<Handler>,
    subscribe: Option<Handler>,
    unsubscribe: Option<Handler>,
    refresh: Option<Handler>,
    check: Option<Handler>,
    receive: Option<Handler>,
    subscribes: bool,
    has_refresh: bool,
    has_check: bool,
}

impl HookSet {
    pub(super) fn read(keys: &mut Keys, item: &ItemImpl, webhook: &Ident) -> Self {
        let mut set = Self::default();
        let mut present: Vec<Ident> = Vec::new();
        for member in &item.items {
            let ImplItem::Fn(function) = member else {
                continue;
            };
            let ident = &function.sig.ident;
            let hook = HOOKS.iter().find(|(name, _, _)| ident == name);
            let Some((name, parameters, usage)) = hook else {
                let message = format!(
                    "a webhook has no hook `{ident}`; it has: props, subscribe, unsubscribe, refresh, check, receive. Put functions of your own outside of this `impl`"
                );
                keys.note(Error::new(ident.span(), message));
                continue;
            };
            present.push(ident.clone());
            let handler = keys.noted(Handler::read(&function.sig, &[*parameters], usage));
            set.put(name, handler);
        }
        set.require_whole(keys, &present, webhook);
        set
    }

    fn put(&mut self, name: &str, handler: Option<Handler>) {
        match name {
            "props" => self.props = handler,
            "subscribe" => self.subscribe = handler,
            "unsubscribe" => self.unsubscribe = handler,
            "refresh" => self.refresh = handler,
            "check" => self.check = handler,
            _ => self.receive = handler,
        }
    }

    /// Looks at which functions are there, not at those that could be read: a
    /// wrong signature is reported as that alone.
    fn require_whole(&mut self, keys: &mut Keys, present: &[Ident], webhook: &Ident) {
        let find = |name: &str| present.iter().find(|ident| *ident == name);
        keys.require(
            webhook.span(),
            find("receive").is_some(),
            "a webhook needs a function `receive`",
        );
        let subscription = ["props", "subscribe", "unsubscribe"];
        let missing: Vec<_> = subscription
            .iter()
            .filter(|name| find(name).is_none())
            .map(|name| format!("`{name}`"))
            .collect();
        self.subscribes = missing.len() < subscription.len();
        self.has_refresh = find("refresh").is_some();
        self.has_check = find("check").is_some();
        if self.subscribes && !missing.is_empty() {
            let there = subscription.iter().find_map(|name| find(name));
            let message = format!(
                "`props`, `subscribe` and `unsubscribe` go together; missing: {}",
                missing.join(", ")
            );
            let span = there.map_or(webhook.span(), Ident::span);
            keys.note(Error::new(span, message));
        }
        for name in ["refresh", "check"] {
            if let Some(ident) = find(name)
                && !self.subscribes
            {
                let message = format!("`{name}` needs `props`, `subscribe` and `unsubscribe`");
                keys.note(Error::new(ident.span(), message));
            }
        }
    }

    pub(super) fn subscribes(&self) -> bool {
        self.subscribes
    }

    pub(super) fn flags(&self) -> TokenStream {
        let Self {
            subscribes,
            has_refresh,
            has_check,
            ..
        } = self;
        quote!(::tidegate_sdk::__private::declare::HookFlags {
            subscription: #subscribes,
            refresh: #has_refresh,
            check: #has_check,
        })
    }

    /// The functions, as the SDK's table of untyped ones.
    pub(super) fn table(&self, of: &Type) -> TokenStream {
        let glue = quote!(::tidegate_sdk::__private::glue);
        let props = optional(self.props.as_ref(), |hook| {
            let (ctx, context) = (hook.context_name(), hook.context_argument());
            quote!(|#ctx| #glue::props(|| <#of>::props(#context)))
        });
        let subscribe = optional(self.subscribe.as_ref(), |hook| {
            let (ctx, context) = (hook.context_name(), hook.context_argument());
            let registration = hook.parameter_name("registration", 0);
            quote!(|#ctx, raw| #glue::subscribe(raw, |#registration| {
                <#of>::subscribe(#context #registration)
            }))
        });
        let with_props = |name: &str| {
            let name = Ident::new(name, Span::call_site());
            let glue = &glue;
            move |hook: &Handler| {
                let (ctx, context) = (hook.context_name(), hook.context_argument());
                let registration = hook.parameter_name("registration", 0);
                let props = hook.parameter_name("props", 1);
                quote!(|#ctx, raw, json| #glue::#name(raw, json, |#registration, #props| {
                    <#of>::#name(#context #registration, #props)
                }))
            }
        };
        let unsubscribe = optional(self.unsubscribe.as_ref(), with_props("unsubscribe"));
        let refresh = optional(self.refresh.as_ref(), with_props("refresh"));
        let check = optional(self.check.as_ref(), with_props("check"));
        let receive = self.receive.as_ref().map(|hook| {
            let (ctx, context) = (hook.context_name(), hook.context_argument());
            let delivery = hook.parameter_name("delivery", 0);
            let output = &hook.output;
            let receive = quote_spanned!(output.span()=> #glue::receive);
            quote!(|#ctx, #delivery| #receive(|| <#of>::receive(#context #delivery)))
        });
        quote! {
            ::tidegate_sdk::__private::Hooks {
                props: #props,
                subscribe: #subscribe,
                unsubscribe: #unsubscribe,
                refresh: #refresh,
                check: #check,
                receive: #receive,
            }
        }
    }

    /// What makes the compiler point at the author's types rather than at the
    /// attribute.
    pub(super) fn checks(&self) -> TokenStream {
        let glue = quote!(::tidegate_sdk::__private::glue);
        let mut checks = Vec::new();
        let all = [
            &self.props,
            &self.subscribe,
            &self.unsubscribe,
            &self.refresh,
            &self.check,
        ];
        for output in all.into_iter().flatten().map(|hook| &hook.output) {
            checks.push(quote_spanned!(output.span()=> #glue::is_outcome::<#output>()));
        }
        if let Some(props) = &self.props {
            let output = &props.output;
            checks.push(quote_spanned!(output.span()=> #glue::is_written::<#output>()));
        }
        let agreements = self.agreements(&glue);
        quote! {
            const _: () = { #(#checks;)* };

            const _: fn() = || { #(#agreements;)* };
        }
    }

    /// All hooks speak of the same props, and of the same unsubscribe props.
    fn agreements(&self, glue: &TokenStream) -> Vec<TokenStream> {
        let mut agreements = Vec::new();
        if let Some(props) = &self.props {
            let output = &props.output;
            let hooks = [
                &self.subscribe,
                &self.unsubscribe,
                &self.refresh,
                &self.check,
            ];
            for hook in hooks.into_iter().flatten() {
                let ty = &hook.parameters[0];
                agreements.push(quote_spanned! {ty.span()=>
                    #glue::same_props(|| -> #output { ::core::panic!() }, |_: #ty| {})
                });
            }
        }
        if let Some(subscribe) = &self.subscribe {
            let output = &subscribe.output;
            for hook in [&self.unsubscribe, &self.refresh].into_iter().flatten() {
                let ty = &hook.parameters[1];
                agreements.push(quote_spanned! {ty.span()=>
                    #glue::same_unsubscribe_props(|| -> #output { ::core::panic!() }, |_: #ty| {})
                });
            }
            if let Some(refresh) = &self.refresh {
                let again = &refresh.output;
                agreements.push(quote_spanned! {again.span()=>
                    #glue::same_subscription(
                        || -> #output { ::core::panic!() },
                        || -> #again { ::core::panic!() },
                    )
                });
            }
            if let Some(check) = &self.check {
                let (ty, answer) = (&check.parameters[1], &check.output);
                agreements.push(quote_spanned! {ty.span()=>
                    #glue::same_found_props(
                        || -> #output { ::core::panic!() },
                        |_: #ty| {},
                        || -> #answer { ::core::panic!() },
                    )
                });
            }
        }
        agreements
    }
}

fn optional(hook: Option<&Handler>, glue: impl FnOnce(&Handler) -> TokenStream) -> TokenStream {
    match hook {
        Some(hook) => {
            let glue = glue(hook);
            quote!(::core::option::Option::Some(#glue))
        }
        None => quote!(::core::option::Option::None),
    }
}
