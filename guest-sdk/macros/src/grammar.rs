//! The one grammar of all attributes.
//!
//! ```text
//! node = head [ "(" node,* ")" ] [ "=" node ]
//! head = identifier | literal
//! ```
//!
//! So `secrets(TOKEN, KEY(subscription))`, `timeout = "5s"`, `idempotent` and
//! `signature = github(secret = KEY)` are all nodes.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, Lit, LitStr, Result, Token, parenthesized, token};

pub(crate) struct Node {
    pub(crate) head: Head,
    /// What stands in parentheses, if there are any.
    pub(crate) arguments: Option<Vec<Node>>,
    pub(crate) value: Option<Box<Node>>,
}

pub(crate) enum Head {
    Ident(Ident),
    Lit(Lit),
}

pub(crate) struct Nodes(pub(crate) Vec<Node>);

impl Parse for Nodes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let nodes = Punctuated::<Node, Token![,]>::parse_terminated(input)?;
        Ok(Self(nodes.into_iter().collect()))
    }
}

impl Parse for Node {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let head = if input.peek(Lit) {
            Head::Lit(input.parse()?)
        } else {
            Head::Ident(input.call(Ident::parse_any)?)
        };
        let arguments = if input.peek(token::Paren) {
            let content;
            parenthesized!(content in input);
            Some(content.parse::<Nodes>()?.0)
        } else {
            None
        };
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Some(Box::new(input.parse()?))
        } else {
            None
        };
        Ok(Self {
            head,
            arguments,
            value,
        })
    }
}

impl Node {
    pub(crate) fn span(&self) -> Span {
        match &self.head {
            Head::Ident(ident) => ident.span(),
            Head::Lit(lit) => lit.span(),
        }
    }

    pub(crate) fn error(&self, message: impl std::fmt::Display) -> Error {
        Error::new(self.span(), message)
    }

    /// The head, where it is a word.
    pub(crate) fn word(&self) -> Option<String> {
        match &self.head {
            Head::Ident(ident) => Some(ident.unraw().to_string()),
            Head::Lit(_) => None,
        }
    }

    /// A text in quotes that stands alone.
    pub(crate) fn text(&self) -> Result<LitStr> {
        match &self.head {
            Head::Lit(Lit::Str(text)) if self.is_bare() => Ok(text.clone()),
            _ => Err(self.error("expected a text in quotes")),
        }
    }

    /// A name: a word, or a text in quotes. Whether it stands alone is not
    /// looked at.
    pub(crate) fn name(&self) -> Result<LitStr> {
        match &self.head {
            Head::Lit(Lit::Str(text)) => Ok(text.clone()),
            Head::Ident(ident) => Ok(LitStr::new(&ident.unraw().to_string(), ident.span())),
            Head::Lit(_) => Err(self.error("expected a name")),
        }
    }

    pub(crate) fn is_bare(&self) -> bool {
        self.arguments.is_none() && self.value.is_none()
    }
}
