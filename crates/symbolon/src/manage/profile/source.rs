//! Tokens for a profile: which server it means, in which words it is asked, and what its refusals mean at the command
//! line.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde::Deserialize;
use symbolon_client::{Auth, Builder, Error, SecretSource, TokenSource};
use symbolon_core::secret::Secret;

use crate::manage::failure::Failure;
use crate::manage::profile::Profile;

/// How a server wants to be asked for a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// Client credentials in a form.
    #[default]
    Form,
    /// Client credentials by HTTP Basic.
    Basic,
    /// Client credentials in JSON.
    Json,
    /// A client of one of Keycloak's realms.
    Keycloak,
    /// An access key as m3ter has them: HTTP Basic and JSON.
    AccessKey,
    /// Email and password, as METI's v1 has them.
    Password,
}

impl Dialect {
    /// The name, as a profile has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Basic => "basic",
            Self::Json => "json",
            Self::Keycloak => "keycloak",
            Self::AccessKey => "access-key",
            Self::Password => "password",
        }
    }
}

impl Profile {
    /// Where its tokens come from; an audience or scopes of a command's own go before the profile's.
    pub fn source(&self, audience: Option<&str>, scope: Option<&str>) -> Result<Builder, Failure> {
        let (id, secret) = (self.client_id.as_str(), self.secret_source()?);
        let client = |auth| TokenSource::client_credentials(id, secret.clone()).auth(auth);
        let mut builder = match self.dialect {
            Dialect::Form => client(Auth::Form),
            Dialect::Basic => client(Auth::Basic),
            Dialect::Json => client(Auth::Json),
            Dialect::AccessKey => TokenSource::access_key(id, secret),
            Dialect::Password => TokenSource::password(id, secret),
            Dialect::Keycloak => {
                let Some(realm) = &self.realm else {
                    return Err(Failure::usage("Keycloak's clients belong to a realm: name it with --realm"));
                };
                TokenSource::keycloak(self.url.as_str(), realm.as_str(), id, secret)
            }
        };
        builder = match (&self.token_url, &self.issuer) {
            (Some(url), _) => builder.token_url(url),
            (None, Some(issuer)) => builder.issuer(issuer),
            (None, None) => builder.token_url(self.usual_token_url()),
        };
        if let Some(audience) = audience.or(self.audience.as_deref()) {
            builder = builder.audience(audience);
        }
        if let Some(scope) = scope.or(self.scope.as_deref()) {
            builder = builder.scope(scope);
        }
        // Whoever made the profile was asked (`--allow-http`).
        let is_plain = |url: &Option<String>| url.as_ref().is_some_and(|url| url.starts_with("http://"));
        if self.url.starts_with("http://") || is_plain(&self.token_url) || is_plain(&self.issuer) {
            builder = builder.allow_http();
        }
        Ok(builder)
    }

    fn secret_source(&self) -> Result<SecretSource, Failure> {
        match (&self.secret_command, &self.client_secret) {
            (Some(command), _) => match command.split_first() {
                Some((program, arguments)) => Ok(SecretSource::command(program, arguments.iter().cloned())),
                None => Err(Failure::usage("the profile's secret_command is empty")),
            },
            (None, Some(secret)) => Ok(SecretSource::value(Secret::expose(secret))),
            (None, None) => {
                Err(Failure::usage("the profile has neither a client_secret nor a secret_command"))
            }
        }
    }

    /// Its secret, for requests other than those for tokens.
    pub async fn secret(&self) -> Result<Secret, Failure> {
        let read =
            self.secret_source()?.read().await.map_err(|error| Failure::Here(anyhow::anyhow!("{error}")))?;
        let first = read.first().ok_or_else(|| Failure::usage("the profile's command tells no secret"))?;
        Ok(Secret::new(first.expose().to_owned()))
    }

    /// Where Symbolon gives tokens.
    fn usual_token_url(&self) -> String {
        let path = if self.dialect == Dialect::Password { "token" } else { "oauth/token" };
        match &self.realm {
            Some(realm) if self.dialect != Dialect::Password => {
                let realm = percent_encoding::utf8_percent_encode(realm, percent_encoding::NON_ALPHANUMERIC);
                format!("{}/realms/{realm}/{path}", self.url)
            }
            _ => format!("{}/{path}", self.url),
        }
    }
}

/// What a refused token means for a command, and what to do about it.
pub fn failure(error: &Error, name: &str, profile: &Profile) -> Failure {
    let (id, url) = (&profile.client_id, &profile.url);
    if error.is_temporary() {
        return Failure::Unreachable(format!("{error}; try again in a moment"));
    }
    if error.is_malformed() {
        return Failure::Unreachable(format!("{error}: check the address {url}"));
    }
    if error.is_configuration() {
        return Failure::usage(error.to_string());
    }
    if error.is_no_secret() {
        return Failure::Here(anyhow::anyhow!("{error}"));
    }
    if error.is_call() {
        return Failure::Unreachable(error.to_string());
    }
    let mut text = format!("{url} gives {id} of the profile {name} no token\n  why      ");
    // Writing into a string cannot fail.
    let _ = match (error.code(), error.description()) {
        (Some(code), Some(description)) => write!(text, "{code}: {description}"),
        (Some(code), None) => write!(text, "{code}"),
        (None, _) => write!(text, "{error}"),
    };
    if let Some(request) = error.request_id() {
        let _ = write!(
            text,
            "\n  try      `symbolon request explain {request}` as an operator, or with --local at the server"
        );
    }
    Failure::NotLetIn(text)
}
