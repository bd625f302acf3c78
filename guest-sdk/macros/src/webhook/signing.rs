//! How a webhook's deliveries are signed.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Error, Ident, LitStr, Result};

use super::secret_name;
use crate::grammar::Node;
use crate::keys::Keys;
use crate::needs::{Needs, option};

const EXPECTED: &str = "expected `none`, `standard_webhooks(…)`, `github(…)`, `stripe(…)`, `shopify(…)`, `slack(…)` or `hmac(…)`";
const KEY: &str =
    "say where the key comes from: `secret = NAME`, or `issued` by the provider at `subscribe`";

/// `none`, or a scheme with its key
pub(super) fn signature(node: Node, needs: &Needs, subscribes: bool) -> Result<TokenStream> {
    let error = node.error(EXPECTED);
    let span = node.span();
    let word = node.word().unwrap_or_default();
    let signature = quote!(::tidegate_sdk::__private::declare::Signature);
    if word == "none" && node.is_bare() {
        return Ok(quote!(#signature::None));
    }
    let variant = match word.as_str() {
        "standard_webhooks" => "StandardWebhooks",
        "github" => "Github",
        "stripe" => "Stripe",
        "shopify" => "Shopify",
        "slack" => "Slack",
        "hmac" => "Hmac",
        _ => return Err(error),
    };
    let (Some(arguments), None) = (node.arguments, node.value) else {
        return Err(Error::new(span, KEY));
    };
    let mut keys = Keys::new("the signature", arguments);
    let key = key(&mut keys, span, needs, subscribes);
    let variant = Ident::new(variant, Span::call_site());
    if word != "hmac" {
        keys.finish()?;
        return Ok(quote!(#signature::#variant(#key)));
    }
    let hmac = hmac(keys, span, &key)?;
    Ok(quote!(#signature::#variant(#hmac)))
}

fn key(keys: &mut Keys, span: Span, needs: &Needs, subscribes: bool) -> TokenStream {
    let key = quote!(::tidegate_sdk::__private::declare::SigningKey);
    let secret = keys.value("secret");
    let issued = keys.flag("issued");
    match (secret, issued) {
        (Some(node), false) => {
            let name = keys.noted(secret_name(&node, needs));
            quote!(#key::Secret(#name))
        }
        (None, true) => {
            keys.require(
                span,
                subscribes,
                "a key is issued at `subscribe`, which this webhook does not have",
            );
            quote!(#key::Issued)
        }
        _ => {
            keys.note(Error::new(span, KEY));
            TokenStream::new()
        }
    }
}

fn hmac(mut keys: Keys, span: Span, key: &TokenStream) -> Result<TokenStream> {
    let header = keys.text("header");
    keys.require(span, header.is_some(), "`hmac` needs `header = \"…\"`");
    let digests = [("sha1", "Sha1"), ("sha256", "Sha256"), ("sha512", "Sha512")];
    let digest = choice(&mut keys, "digest", &digests, "Sha256");
    let encodings = [("hex", "Hex"), ("base64", "Base64")];
    let encoding = choice(&mut keys, "encoding", &encodings, "Hex");
    let prefix = keys
        .text("prefix")
        .map_or_else(String::new, |text| text.value());
    let template = keys.text("template");
    let timestamp_header = keys.text("timestamp_header");
    check_template(&mut keys, template.as_ref(), timestamp_header.as_ref());
    keys.finish()?;
    let template = template.map_or_else(|| "{body}".to_owned(), |text| text.value());
    let timestamp_header = option(timestamp_header.as_ref());
    Ok(quote! {
        ::tidegate_sdk::__private::declare::Hmac {
            key: #key,
            header: #header,
            digest: ::tidegate_sdk::__private::declare::Digest::#digest,
            encoding: ::tidegate_sdk::__private::declare::Encoding::#encoding,
            prefix: #prefix,
            template: #template,
            timestamp_header: #timestamp_header,
        }
    })
}

fn check_template(keys: &mut Keys, template: Option<&LitStr>, timestamp_header: Option<&LitStr>) {
    let Some(template) = template else {
        return;
    };
    let value = template.value();
    keys.require(
        template.span(),
        value.contains("{body}"),
        "what is signed has the `{body}` in it",
    );
    keys.require(
        template.span(),
        !value.contains("{timestamp}") || timestamp_header.is_some(),
        "a signed `{timestamp}` needs `timestamp_header = \"…\"`",
    );
}

fn choice(
    keys: &mut Keys,
    key: &'static str,
    choices: &[(&str, &'static str)],
    default: &'static str,
) -> Ident {
    let chosen = keys.value(key).and_then(|node| {
        let word = node.word().filter(|_| node.is_bare());
        let found = choices
            .iter()
            .find(|(name, _)| word.as_deref() == Some(name));
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            keys.note(node.error(format!("expected one of {}", names.join(", "))));
        }
        found.map(|(_, variant)| *variant)
    });
    Ident::new(chosen.unwrap_or(default), Span::call_site())
}
