//! Filters as links: which there are, and which one is chosen.

/// One choice of a filter.
pub(super) struct Choice {
    pub(super) title: String,
    pub(super) path: String,
    pub(super) here: bool,
}

/// Makes the choices of a filter: `any` first, then each name.
///
/// `others` are the parts of the query that stay, such as `object=action%20greet`.
pub(super) fn choices<'a>(
    any: &str,
    parameter: &str,
    names: impl IntoIterator<Item = (&'a str, String)>,
    chosen: Option<&str>,
    others: &str,
) -> Vec<Choice> {
    let rest = if others.is_empty() {
        String::new()
    } else {
        format!("&{others}")
    };
    let every = Choice {
        title: any.to_owned(),
        path: format!("?{others}"),
        here: chosen.is_none(),
    };
    let each = names.into_iter().map(|(name, title)| Choice {
        title,
        path: format!("?{parameter}={name}{rest}"),
        here: chosen == Some(name),
    });
    std::iter::once(every).chain(each).collect()
}

/// Writes a value so that it can stand in a query.
pub(super) fn encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{choices, encoded};

    #[test]
    fn a_choice_keeps_the_rest_of_the_query() {
        let made = choices(
            "all",
            "status",
            [("failed", "failed".to_owned())],
            Some("failed"),
            "object=a",
        );
        let paths: Vec<_> = made
            .iter()
            .map(|choice| (choice.path.as_str(), choice.here))
            .collect();
        assert_eq!(
            paths,
            [("?object=a", false), ("?status=failed&object=a", true)]
        );
    }

    #[test]
    fn a_value_cannot_leave_its_place_in_a_query() {
        assert_eq!(encoded("action greet&x=ü"), "action%20greet%26x%3D%C3%BC");
    }
}
