//! What all declarations have: a name, a title, a place in the source.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Meta};

use crate::keys::Keys;
use crate::names;
use crate::needs::option;

pub(crate) struct Declaration {
    pub(crate) name: LitStr,
    pub(crate) title: LitStr,
    renamed_from: Option<LitStr>,
    span: Span,
}

impl Declaration {
    pub(crate) fn take(keys: &mut Keys, ident: &Ident, attributes: &[Attribute]) -> Self {
        let name = match keys.name("name") {
            Some(name) => Some(name),
            None => keys.noted(names::of_item(ident)),
        };
        // What is missing here has been noted: the glue is never written.
        let name = name.unwrap_or_else(|| LitStr::new("", ident.span()));
        let title = keys
            .text("title")
            .or_else(|| first_sentence(attributes))
            .unwrap_or_else(|| name.clone());
        Self {
            name,
            title,
            renamed_from: keys.name("renamed_from"),
            span: ident.span(),
        }
    }

    /// The fields that every object has.
    pub(crate) fn fields(&self) -> TokenStream {
        let Self { name, title, .. } = self;
        let renamed_from = option(self.renamed_from.as_ref());
        let location = self.location();
        quote! {
            name: #name,
            title: #title,
            renamed_from: #renamed_from,
            location: #location,
        }
    }

    pub(crate) fn location(&self) -> TokenStream {
        location(self.span)
    }
}

/// Where in the author's source a span is; the compiler fills it in.
pub(crate) fn location(span: Span) -> TokenStream {
    let file = quote_spanned!(span=> ::core::file!());
    let line = quote_spanned!(span=> ::core::line!());
    quote!(::tidegate_sdk::__private::declare::Location { file: #file, line: #line })
}

/// The doc comment's first line, without its full stop: a title.
pub(crate) fn first_sentence(attributes: &[Attribute]) -> Option<LitStr> {
    let mut lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(doc) = &attribute.meta else {
            return None;
        };
        match &doc.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) if doc.path.is_ident("doc") => Some(text),
            _ => None,
        }
    });
    let first = lines.find(|line| !line.value().trim().is_empty())?;
    let title = first.value();
    let title = title.trim();
    let title = title.strip_suffix('.').unwrap_or(title);
    Some(LitStr::new(title, first.span()))
}
