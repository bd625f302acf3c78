//! What an object needs: secrets, variables and hosts.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr};

use crate::grammar::Node;
use crate::keys::Keys;

/// Which modifiers a use may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subscribing {
    Yes,
    No,
}

pub(crate) struct Needs {
    secrets: Vec<Use>,
    variables: Vec<Use>,
    hosts: Vec<LitStr>,
}

struct Use {
    name: LitStr,
    optional: bool,
    subscription: bool,
    default: Option<LitStr>,
}

impl Needs {
    pub(crate) fn take(keys: &mut Keys, subscribing: Subscribing) -> Self {
        let secrets = uses(keys, "secrets", subscribing);
        for secret in &secrets {
            if let Some(default) = &secret.default {
                keys.note(Error::new(default.span(), "a secret has no default"));
            }
        }
        let variables = uses(keys, "variables", subscribing);
        let hosts = keys.texts("hosts");
        for host in &hosts {
            let value = host.value();
            let variable = value
                .strip_prefix("${")
                .and_then(|rest| rest.strip_suffix('}'));
            let Some(variable) = variable else { continue };
            let known = variables.iter().any(|it| it.name.value() == variable);
            keys.require(
                host.span(),
                known,
                &format!("the variable is not declared: add `variables({variable})`"),
            );
        }
        Self {
            secrets,
            variables,
            hosts,
        }
    }

    pub(crate) fn has_secret(&self, name: &LitStr) -> bool {
        self.secrets
            .iter()
            .any(|it| it.name.value() == name.value())
    }

    /// The first use on which the subscription depends.
    pub(crate) fn subscription_use(&self) -> Option<&LitStr> {
        let all = self.secrets.iter().chain(&self.variables);
        all.filter(|it| it.subscription).map(|it| &it.name).next()
    }

    pub(crate) fn tokens(&self) -> TokenStream {
        let secrets = self.secrets.iter().map(|it| {
            let Use {
                name,
                optional,
                subscription,
                ..
            } = it;
            quote!(::tidegate_sdk::__private::declare::SecretUse {
                name: #name, optional: #optional, subscription: #subscription,
            })
        });
        let variables = self.variables.iter().map(|it| {
            let Use {
                name,
                optional,
                subscription,
                default,
            } = it;
            let default = option(default.as_ref());
            quote!(::tidegate_sdk::__private::declare::VariableUse {
                name: #name, optional: #optional, subscription: #subscription, default: #default,
            })
        });
        let hosts = &self.hosts;
        quote!(::tidegate_sdk::__private::declare::Needs {
            secrets: &[#(#secrets),*],
            variables: &[#(#variables),*],
            hosts: &[#(#hosts),*],
        })
    }
}

fn uses(keys: &mut Keys, key: &'static str, subscribing: Subscribing) -> Vec<Use> {
    let nodes = keys.list(key);
    let mut uses: Vec<Use> = Vec::new();
    for node in nodes {
        let Some(one) = one_use(keys, node, subscribing) else {
            continue;
        };
        let twice = uses.iter().any(|it| it.name.value() == one.name.value());
        keys.require(one.name.span(), !twice, "it is named twice");
        uses.push(one);
    }
    uses
}

/// `NAME`, `NAME(optional, subscription)`, `NAME = "default"`
fn one_use(keys: &mut Keys, node: Node, subscribing: Subscribing) -> Option<Use> {
    let name = keys.noted(node.name())?;
    let mut one = Use {
        name,
        optional: false,
        subscription: false,
        default: None,
    };
    for modifier in node.arguments.unwrap_or_default() {
        match modifier.word().as_deref() {
            Some("optional") if modifier.is_bare() => one.optional = true,
            Some("subscription") if modifier.is_bare() && subscribing == Subscribing::Yes => {
                one.subscription = true;
            }
            Some("subscription") if modifier.is_bare() => {
                keys.note(modifier.error("only a webhook has a subscription"));
            }
            _ => keys.note(modifier.error("expected `optional` or `subscription`")),
        }
    }
    if let Some(value) = node.value {
        one.default = keys.noted(value.text());
    }
    Some(one)
}

/// An optional literal.
pub(crate) fn option<T: quote::ToTokens>(value: Option<&T>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
