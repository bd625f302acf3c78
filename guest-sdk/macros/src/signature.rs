//! The shape of functions that the host calls.

use syn::spanned::Spanned;
use syn::{Error, FnArg, Result, ReturnType, Signature, Type};

/// A function's parameters apart from the context, and what it returns.
pub(crate) struct Handler {
    pub(crate) takes_context: bool,
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
        let parameters = types.split_off(usize::from(takes_context));
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
            takes_context,
            parameters,
            output: (**output).clone(),
        })
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
