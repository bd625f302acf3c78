//! The shape of functions that the host calls.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, Result, ReturnType, Signature, Type};

/// A function's parameters apart from the context, and what it returns.
pub(crate) struct Handler {
    context: Option<Type>,
    pub(crate) parameters: Vec<Type>,
    pub(crate) output: Type,
}

impl Handler {
    /// Reads a signature; a first parameter that is a reference is the context.
    pub(crate) fn read(signature: &Signature, allowed: &[usize], usage: &str) -> Result<Self> {
        refuse_qualifiers(signature)?;
        let mut types = Vec::new();
        for input in &signature.inputs {
            match input {
                FnArg::Typed(typed) => types.push((*typed.ty).clone()),
                FnArg::Receiver(receiver) => {
                    return Err(Error::new(
                        receiver.self_token.span,
                        format!("{usage}: it has no `self`"),
                    ));
                }
            }
        }
        let takes_context = matches!(types.first(), Some(Type::Reference(_)));
        let context = takes_context.then(|| types.remove(0));
        let parameters = types;
        if !allowed.contains(&parameters.len()) {
            return Err(Error::new(signature.ident.span(), usage));
        }
        let ReturnType::Type(_, output) = &signature.output else {
            return Err(Error::new(
                signature.ident.span(),
                format!("`{}` must return a `tidegate_sdk::Result`", signature.ident),
            ));
        };
        Ok(Self {
            context,
            parameters,
            output: (**output).clone(),
        })
    }

    /// The name of the glue's context, placed at the author's type: if the two
    /// do not fit, that is where the compiler points.
    pub(crate) fn context_name(&self) -> Ident {
        let span = self
            .context
            .as_ref()
            .map_or_else(Span::call_site, Spanned::span);
        Ident::new("ctx", Span::call_site().located_at(span))
    }

    /// The context as an argument, if the function takes it.
    pub(crate) fn context_argument(&self) -> Option<TokenStream> {
        let name = self.context_name();
        self.context.as_ref().map(|_| quote!(#name,))
    }

    /// The name of the glue's `at`th other parameter, placed likewise.
    pub(crate) fn parameter_name(&self, name: &str, at: usize) -> Ident {
        let span = self
            .parameters
            .get(at)
            .map_or_else(Span::call_site, Spanned::span);
        Ident::new(name, Span::call_site().located_at(span))
    }
}

fn refuse_qualifiers(signature: &Signature) -> Result<()> {
    let refuse = |span, what: &str| Err(Error::new(span, what));
    if let Some(token) = &signature.asyncness {
        return refuse(
            token.span(),
            "a handler is not `async`: the SDK's HTTP client waits for the answer",
        );
    }
    if !signature.generics.params.is_empty() {
        return refuse(signature.generics.span(), "a handler is not generic");
    }
    Ok(())
}
