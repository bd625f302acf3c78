//! `#[integration]`: a struct whose fields are the connected user's settings.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Error, Field, Fields, GenericArgument, Ident, ItemStruct, Lit, LitStr, PathArguments, Result,
    Type,
};

use crate::Expanded;
use crate::app_event::data_entry;
use crate::declaration::{Declaration, first_sentence};
use crate::grammar::{Head, Node, Nodes};
use crate::keys::Keys;
use crate::needs::option;

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Expanded {
    let mut structure = match syn::parse2::<ItemStruct>(item.clone()) {
        Ok(structure) => structure,
        Err(error) => {
            let glue = Err(Error::new(error.span(), "an integration is a struct"));
            return Expanded { item, glue };
        }
    };
    let glue = glue(arguments, &structure);
    // The compiler knows no attribute `setting`.
    for field in &mut structure.fields {
        field
            .attrs
            .retain(|attribute| !attribute.path().is_ident("setting"));
    }
    Expanded {
        item: structure.into_token_stream(),
        glue,
    }
}

fn glue(arguments: TokenStream, item: &ItemStruct) -> Result<TokenStream> {
    let ident = &item.ident;
    let mut keys = Keys::parse("#[integration]", arguments);
    let declaration = Declaration::take(&mut keys, ident, &item.attrs);
    let auth = match keys.value("auth") {
        Some(node) => keys.noted(auth(node)),
        None => Some(quote!(::tidegate_sdk::__private::declare::Auth::None)),
    };
    let generic = !item.generics.params.is_empty();
    keys.require(ident.span(), !generic, "an integration is not generic");
    let tuple = matches!(item.fields, Fields::Unnamed(_));
    keys.require(
        ident.span(),
        !tuple,
        "the fields of an integration have names",
    );
    let mut settings = Vec::new();
    for field in &item.fields {
        let setting = Setting::read(field);
        settings.extend(keys.noted(setting));
    }
    keys.finish()?;

    let fields = declaration.fields();
    let declared = settings.iter().map(Setting::declaration);
    let declare = quote! {
        ::tidegate_sdk::__private::declare::Declaration::Object(
            ::tidegate_sdk::__private::declare::Object::Integration(
                ::tidegate_sdk::__private::declare::Integration {
                    #fields
                    auth: #auth,
                    settings: &[#(#declared),*],
                },
            ),
        )
    };
    let entry = data_entry(ident, "Integration", &declaration.name, &declare);
    let read = settings.iter().map(Setting::reading);
    Ok(quote! {
        #entry

        impl ::tidegate_sdk::Settings for #ident {
            fn read(
                ctx: &::tidegate_sdk::HookContext,
            ) -> ::tidegate_sdk::Result<Self> {
                let _ = ctx;
                ::core::result::Result::Ok(Self { #(#read)* })
            }
        }
    })
}

/// `none`, `basic`, `api_key("title")` or `oauth2(…)`
fn auth(node: Node) -> Result<TokenStream> {
    let error = node.error("expected `none`, `basic`, `api_key(\"title\")` or `oauth2(…)`");
    let word = node.word().unwrap_or_default();
    let plain = node.value.is_none();
    let auth = quote!(::tidegate_sdk::__private::declare::Auth);
    match (word.as_str(), node.arguments) {
        ("none", None) if plain => Ok(quote!(#auth::None)),
        ("basic", None) if plain => Ok(quote!(#auth::Basic)),
        ("api_key", Some(arguments)) if plain => match arguments.as_slice() {
            [title] => {
                let title = title.text()?;
                Ok(quote!(#auth::ApiKey(#title)))
            }
            _ => Err(error),
        },
        ("oauth2", Some(arguments)) if plain => oauth2(arguments, &error),
        _ => Err(error),
    }
}

fn oauth2(arguments: Vec<Node>, place: &Error) -> Result<TokenStream> {
    let mut keys = Keys::new("`oauth2`", arguments);
    let authorize_url = keys.text("authorize_url");
    let token_url = keys.text("token_url");
    let scopes = keys.texts("scopes");
    let app_config = keys.bare_names("app_config");
    keys.finish()?;
    let (Some(authorize_url), Some(token_url)) = (authorize_url, token_url) else {
        let message = "`oauth2` needs `authorize_url = \"…\"` and `token_url = \"…\"`";
        return Err(Error::new(place.span(), message));
    };
    Ok(quote! {
        ::tidegate_sdk::__private::declare::Auth::Oauth2(
            ::tidegate_sdk::__private::declare::Oauth2 {
                authorize_url: #authorize_url,
                token_url: #token_url,
                scopes: &[#(#scopes),*],
                app_config: &[#(#app_config),*],
            },
        )
    })
}

struct Setting {
    field: Ident,
    of_type: Type,
    name: LitStr,
    title: LitStr,
    kind: SettingKind,
    choices: Vec<LitStr>,
    required: bool,
    /// A JSON text.
    default: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SettingKind {
    Text,
    Number,
    Boolean,
}

impl Setting {
    fn read(field: &Field) -> Result<Self> {
        let ident = field
            .ident
            .clone()
            .ok_or_else(|| Error::new(field.ty.span(), "a setting has a name"))?;
        let mut nodes = Vec::new();
        for attribute in &field.attrs {
            if attribute.path().is_ident("setting") {
                nodes.extend(attribute.parse_args::<Nodes>()?.0);
            }
        }
        let mut keys = Keys::new("#[setting]", nodes);
        let own_name = LitStr::new(&ident.to_string(), ident.span());
        let name = keys.name("name").unwrap_or(own_name);
        let title = keys
            .text("title")
            .or_else(|| first_sentence(&field.attrs))
            .unwrap_or_else(|| name.clone());
        let choices = keys.texts("choices");
        let (inner, is_option) = without_option(&field.ty);
        let kind = keys.noted(kind(inner));
        let default = keys.value("default");
        let default = match (default, kind) {
            (Some(node), Some(kind)) => keys.noted(default_json(&node, kind, &choices)),
            _ => None,
        };
        let is_required = keys.flag("required");
        keys.require(
            ident.span(),
            choices.is_empty() || kind == Some(SettingKind::Text),
            "choices are texts: the field is a `String`",
        );
        keys.require(
            ident.span(),
            !(is_required && is_option),
            "a required setting is no `Option`",
        );
        keys.finish()?;
        Ok(Self {
            required: is_required || (!is_option && default.is_none()),
            of_type: field.ty.clone(),
            field: ident,
            name,
            title,
            // What has no kind has been refused by `finish`.
            kind: kind.unwrap_or(SettingKind::Text),
            choices,
            default,
        })
    }

    fn declaration(&self) -> TokenStream {
        let Self {
            name,
            title,
            required,
            choices,
            ..
        } = self;
        let of_type = quote!(::tidegate_sdk::__private::declare::SettingType);
        let of_type = match self.kind {
            SettingKind::Text if !choices.is_empty() => quote!(#of_type::Choice(&[#(#choices),*])),
            SettingKind::Text => quote!(#of_type::Text),
            SettingKind::Number => quote!(#of_type::Number),
            SettingKind::Boolean => quote!(#of_type::Boolean),
        };
        let default = option(self.default.as_ref());
        quote!(::tidegate_sdk::__private::declare::UserSetting {
            name: #name,
            title: #title,
            of_type: #of_type,
            required: #required,
            default: #default,
        })
    }

    fn reading(&self) -> TokenStream {
        let Self {
            field,
            name,
            of_type,
            ..
        } = self;
        let read =
            quote_spanned!(of_type.span()=> ::tidegate_sdk::__private::read_setting::<#of_type>);
        quote!(#field: #read(ctx, #name)?,)
    }
}

fn without_option(ty: &Type) -> (&Type, bool) {
    if let Type::Path(path) = ty
        && let Some(last) = path.path.segments.last()
        && last.ident == "Option"
        && let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(inner)) = arguments.args.first()
    {
        return (inner, true);
    }
    (ty, false)
}

fn kind(ty: &Type) -> Result<SettingKind> {
    const NUMBERS: [&str; 12] = [
        "u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize", "f32", "f64",
    ];
    if let Type::Path(path) = ty
        && let Some(last) = path.path.segments.last()
    {
        let name = last.ident.to_string();
        match name.as_str() {
            "String" => return Ok(SettingKind::Text),
            "bool" => return Ok(SettingKind::Boolean),
            number if NUMBERS.contains(&number) => return Ok(SettingKind::Number),
            _ => {}
        }
    }
    Err(Error::new(
        ty.span(),
        "a setting is a `String`, a number, a `bool`, or an `Option` of one of these",
    ))
}

fn default_json(node: &Node, kind: SettingKind, choices: &[LitStr]) -> Result<String> {
    let Head::Lit(lit) = &node.head else {
        // `true` and `false` are literals too; any other word is none.
        return Err(node.error("a default is a literal"));
    };
    match (lit, kind) {
        (Lit::Str(text), SettingKind::Text) => {
            let is_choice = choices.iter().any(|choice| choice.value() == text.value());
            if !choices.is_empty() && !is_choice {
                return Err(node.error("the default is none of the choices"));
            }
            Ok(json_text(&text.value()))
        }
        (Lit::Bool(value), SettingKind::Boolean) => Ok(value.value.to_string()),
        (Lit::Int(value), SettingKind::Number) => Ok(value.base10_digits().to_owned()),
        (Lit::Float(value), SettingKind::Number) => Ok(value.base10_digits().to_owned()),
        _ => Err(Error::new(
            lit.span(),
            "the default is not of the field's type",
        )),
    }
}

fn json_text(text: &str) -> String {
    let mut json = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => json.extend(['\\', char]),
            control if u32::from(control) < 0x20 => {
                json.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::json_text;

    #[test]
    fn a_default_text_is_escaped_as_json() {
        assert_eq!(json_text("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
    }
}
