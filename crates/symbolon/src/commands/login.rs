//! `symbolon login`: keeps a client's credentials in a profile, once the server has taken them.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args};
use symbolon_client::ReqwestTransport;
use symbolon_core::secret::Secret;

use crate::manage::failure::{Done, Failure};
use crate::manage::profile::source::{self, Dialect};
use crate::manage::profile::{self, Profile, Profiles};
use crate::manage::{secrets, transport};

/// `symbolon login`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(group(ArgGroup::new("server").required(true).args(["url", "issuer", "token_url"])))]
pub struct LoginOptions {
    /// The profile's name.
    #[arg(value_name = "NAME", default_value = "default", value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// The server's address: a Symbolon, or the base of a Keycloak.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The issuer of any OAuth 2.0 server, in whose metadata the token endpoint is found.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The token endpoint itself.
    #[arg(long, value_name = "URL")]
    token_url: Option<String>,
    /// The client's id, or that of one of its access keys; the email with `--as password`.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    client_id: String,
    /// How the server wants to be asked.
    #[arg(long = "as", value_enum, value_name = "WAY", default_value = "form")]
    dialect: Dialect,
    /// The realm of the client.
    #[arg(long, value_name = "REALM", value_parser = NonEmptyStringValueParser::new())]
    realm: Option<String>,
    /// The API that tokens are for.
    #[arg(long, value_name = "AUDIENCE", value_parser = NonEmptyStringValueParser::new())]
    audience: Option<String>,
    /// The scopes to ask for, space separated.
    #[arg(long, value_name = "SCOPES", value_parser = NonEmptyStringValueParser::new())]
    scope: Option<String>,
    /// The file with the secret; standard input where it is left out.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The command that tells the secret, such as "pass show api": the profile then holds the command and no secret. It
    /// is split at spaces, and run without a shell.
    #[arg(long, value_name = "COMMAND", conflicts_with = "secret_file")]
    secret_command: Option<String>,
    /// Use it where no profile is named. The first one is used so anyway.
    #[arg(long)]
    default: bool,
    /// Put it in the place of the profile of that name.
    #[arg(long)]
    replace: bool,
    /// Keep it without asking the server for a token first.
    #[arg(long)]
    unchecked: bool,
    /// Let the secret go over plain http to another machine.
    #[arg(long)]
    allow_http: bool,
}

/// Runs the command.
pub async fn run(options: LoginOptions) -> Done {
    let path = profile::path()?;
    let mut profiles = Profiles::read(&path)?;
    if !options.replace {
        profile::refuse_taken(&profiles, &options.name, "say --replace")?;
    }
    let profile = options.profile()?;
    let mut scope = None;
    if !options.unchecked {
        let transport = ReqwestTransport::with_client(transport::http_client()?);
        let failure = |error| source::failure(&error, &options.name, &profile);
        let source = profile.source(None, None)?.patience(std::time::Duration::ZERO).transport(transport);
        let token = source.build().map_err(failure)?.token().await.map_err(failure)?;
        scope = token.scope().map(str::to_owned);
    }
    profiles.keep(&options.name, profile, options.default, &path)?;
    eprintln!("Profile {} is kept in {}.", options.name, path.display());
    if let Some(scope) = scope {
        eprintln!("Its tokens carry: {}", crate::manage::render::plain(&scope));
    }
    Ok(())
}

impl LoginOptions {
    fn profile(&self) -> Result<Profile, Failure> {
        let check = |url: &String| transport::check_address(url, self.allow_http);
        let issuer = self.issuer.as_ref().map(check).transpose()?;
        let token_url = self.token_url.as_ref().map(check).transpose()?;
        let url = match &self.url {
            Some(url) => transport::check_url(url, self.allow_http)?,
            None => {
                let known = issuer.as_ref().or(token_url.as_ref());
                known.map(|url| url.origin().ascii_serialization()).unwrap_or_default()
            }
        };
        if self.dialect == Dialect::Keycloak && (self.url.is_none() || self.realm.is_none()) {
            return Err(Failure::usage(
                "Keycloak's clients belong to a realm: say --url (its base) and --realm, or --issuer with another --as",
            ));
        }
        let mut profile = Profile::new(url, self.client_id.clone(), Secret::new(String::new()));
        match &self.secret_command {
            Some(command) => {
                let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
                if words.is_empty() {
                    return Err(Failure::usage("--secret-command names no command"));
                }
                (profile.client_secret, profile.secret_command) = (None, Some(words));
            }
            None => profile.client_secret = Some(secrets::read(self.secret_file.as_deref(), "secret")?),
        }
        Ok(Profile {
            realm: self.realm.clone(),
            dialect: self.dialect,
            issuer: issuer.map(|_| self.issuer.clone()).unwrap_or_default(),
            token_url: token_url.map(|_| self.token_url.clone()).unwrap_or_default(),
            audience: self.audience.clone(),
            scope: self.scope.clone(),
            ..profile
        })
    }
}
