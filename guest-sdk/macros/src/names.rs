//! Names of objects.

use syn::ext::IdentExt;
use syn::{Error, Ident, LitStr, Result};

/// Refuses what is not 1 to 64 of letters, digits, `-` and `_`.
pub(crate) fn check(name: LitStr) -> Result<LitStr> {
    let value = name.value();
    let legal = (1..=64).contains(&value.len())
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if legal {
        Ok(name)
    } else {
        Err(Error::new(
            name.span(),
            "a name is 1 to 64 letters (a to z), digits, `-` and `_`",
        ))
    }
}

/// The name of an object after its function or type: `create_issue` and
/// `CreateIssue` are both `create-issue`.
pub(crate) fn of_item(ident: &Ident) -> Result<LitStr> {
    let name = kebab(&ident.unraw().to_string());
    check(LitStr::new(&name, ident.span()))
}

fn kebab(ident: &str) -> String {
    let chars: Vec<char> = ident.chars().collect();
    let mut name = String::new();
    for (at, &char) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1);
        // A word begins at a capital after a small letter, and at the last
        // capital of a row: `HTTPServer` is `http-server`.
        let begins = char.is_uppercase()
            && before.is_some_and(|before| {
                before != '_'
                    && (!before.is_uppercase() || after.is_some_and(|after| after.is_lowercase()))
            });
        if begins {
            name.push('-');
        }
        if char == '_' {
            name.push('-');
        } else {
            name.extend(char.to_lowercase());
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::kebab;

    #[test]
    fn items_are_named_in_kebab_case() {
        for (ident, expected) in [
            ("greet", "greet"),
            ("create_issue", "create-issue"),
            ("RepositoryEvents", "repository-events"),
            ("HTTPServer", "http-server"),
            ("OrderV2", "order-v2"),
            ("A", "a"),
        ] {
            assert_eq!(kebab(ident), expected);
        }
    }
}
