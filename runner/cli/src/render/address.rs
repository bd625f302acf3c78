//! Addresses that a person gives to a provider.

use engine::AddressReport;

use crate::text::plain;

/// Writes the addresses of webhooks that nobody subscribes for, a line each, after what stands
/// before; nothing where there are none.
pub(crate) fn addresses(items: &[AddressReport]) -> String {
    items
        .iter()
        .filter(|item| item.registration.is_none())
        .map(|item| {
            let user = match &item.user {
                Some(user) => format!(" for user {}", plain(&user.0)),
                None => String::new(),
            };
            let url = item
                .url
                .as_deref()
                .unwrap_or("none before the environment has a public URL");
            let silent = match item.silent_since {
                Some(since) => format!(", silent since {since}"),
                None => String::new(),
            };
            format!(
                "\naddress of webhook {}{user}: {url}{silent}",
                plain(&item.webhook)
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use domain::{RegistrationId, Timestamp, UserId};

    use super::*;

    fn item(url: Option<&str>) -> AddressReport {
        AddressReport {
            webhook: "orders".to_owned(),
            user: None,
            registration: None,
            url: url.map(str::to_owned),
            since: Timestamp::EPOCH,
            last_delivery_at: None,
            silent_since: None,
        }
    }

    #[test]
    fn addresses_are_for_people_only_where_nobody_subscribes() {
        let mut silent = item(Some("https://a.example/hooks/1"));
        silent.silent_since = Some(Timestamp::EPOCH);
        silent.user = Some(UserId("ada".to_owned()));
        let mut subscribed = item(None);
        subscribed.registration = Some(RegistrationId(3));
        insta::assert_snapshot!(addresses(&[item(None), silent, subscribed]), @r"

        address of webhook orders: none before the environment has a public URL
        address of webhook orders for user ada: https://a.example/hooks/1, silent since 1970-01-01T00:00:00.000Z
        ");
    }
}
