//! The rules for integrations: how users connect, and what they set.

use std::collections::HashSet;

use serde_json::Value;

use super::report::About;
use super::values::check_names;
use crate::declare::{Auth, Integration, SettingType, UserSetting};
use crate::host_pattern::HostPort;
use crate::names::shown;

/// Checks an integration.
pub(super) fn check(integration: &Integration, about: &mut About<'_>) {
    check_auth(&integration.auth, about);
    check_names(
        "user setting",
        integration
            .settings
            .iter()
            .map(|setting| setting.name.as_str()),
        about,
    );
    for setting in &integration.settings {
        check_setting(setting, about);
    }
}

fn check_auth(auth: &Auth, about: &mut About<'_>) {
    match auth {
        Auth::None | Auth::Basic => {}
        Auth::ApiKey { title } => {
            if title.trim().is_empty() {
                about.add("the title of its API key is empty".to_owned());
            }
        }
        Auth::Oauth2 {
            authorize_url,
            token_url,
            scopes,
            app_config,
        } => {
            for (what, url) in [("authorize", authorize_url), ("token", token_url)] {
                if let Err(reason) = check_http_url(url) {
                    about.add(format!(
                        "the OAuth 2 {what} URL `{}` is not one: {reason}",
                        shown(url)
                    ));
                }
            }
            if scopes.iter().any(|scope| scope.trim().is_empty()) {
                about.add("one of its OAuth 2 scopes is empty".to_owned());
            }
            check_names(
                "app configuration",
                app_config.iter().map(String::as_str),
                about,
            );
        }
    }
}

/// Checks that a text is an absolute `http` or `https` URL.
fn check_http_url(url: &str) -> Result<(), String> {
    let rest = match url.split_once("://") {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") =>
        {
            rest
        }
        Some(_) | None => return Err("it must begin with `https://` or `http://`".to_owned()),
    };
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("it has white space in it".to_owned());
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.contains('@') {
        return Err("it must not carry a user name or password".to_owned());
    }
    match authority.parse::<HostPort>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("`{}` is not a host", shown(authority))),
    }
}

fn check_setting(setting: &UserSetting, about: &mut About<'_>) {
    let name = shown(&setting.name);
    if let SettingType::Choice { values } = &setting.of_type {
        if values.is_empty() {
            about.add(format!(
                "the user setting `{name}` has no values to choose from"
            ));
        }
        let mut seen = HashSet::new();
        for value in values {
            if !seen.insert(value) {
                about.add(format!(
                    "the user setting `{name}` offers `{}` more than once",
                    shown(value)
                ));
            }
        }
    }
    if let Some(default) = &setting.default
        && let Err(reason) = check_default(&setting.of_type, default)
    {
        about.add(format!(
            "the default `{}` of the user setting `{name}` {reason}",
            shown(default)
        ));
    }
}

fn check_default(of_type: &SettingType, default: &str) -> Result<(), String> {
    let value: Value =
        serde_json::from_str(default).map_err(|error| format!("is not JSON: {error}"))?;
    let (fits, wanted) = match of_type {
        SettingType::Text => (value.is_string(), "a JSON string"),
        SettingType::Number => (value.is_number(), "a number"),
        SettingType::Boolean => (value.is_boolean(), "`true` or `false`"),
        SettingType::Choice { values } => (
            value
                .as_str()
                .is_some_and(|choice| values.iter().any(|offered| offered == choice)),
            "one of the values to choose from",
        ),
    };
    if fits {
        Ok(())
    } else {
        Err(format!("is not {wanted}"))
    }
}
