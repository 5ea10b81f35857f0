//! `symbolon bootstrap`: how the first operator comes to be. Whoever can read the database and the keys makes a client
//! that may manage, and a profile that holds its secret. There is no default password anywhere.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use symbolon_core::permission::{AUDIENCE, Permissions};
use symbolon_core::secret::Secret;
use symbolon_core::user::OperatorRole;
use symbolon_server::axum::http::Method;

use crate::commands::operator;
use crate::manage::failure::{Done, Failure};
use crate::manage::local_options::LocalOptions;
use crate::manage::profile::{self, Profile, Profiles};
use crate::manage::session::{Session, path};
use crate::manage::transport::{Asked, Local, Remote, Transport, check_url};

/// The organization of operators, unless another one is named.
const OPERATORS: &str = "operators";
/// How often, and how many times, the server is asked whether it knows the new client.
const LOOK_PAUSE: Duration = Duration::from_millis(200);
const LOOKS: u32 = 15;

/// `symbolon bootstrap`
///
/// Works on the installation on this machine: it needs the database and the keys, and no server.
#[derive(Debug, Args)]
pub struct Options {
    /// The address under which the new profile reaches the server.
    #[arg(long, value_name = "URL")]
    url: String,
    /// The new profile's name.
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = NonEmptyStringValueParser::new())]
    profile: String,
    /// The realm to manage; the default one, whose operators reach all others, where it is left out.
    #[arg(long, value_name = "REALM", value_parser = NonEmptyStringValueParser::new())]
    realm: Option<String>,
    /// What the client may do.
    #[arg(long, value_enum, default_value = "owner")]
    role: Role,
    /// The organization of the realm's operators; `operators` is made where the realm has none.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    operators: Option<String>,
    /// Make a client although there are some.
    #[arg(long)]
    another: bool,
    /// Let the secret go over plain http to another machine.
    #[arg(long)]
    allow_http: bool,
    /// The installation.
    #[command(flatten)]
    installation: LocalOptions,
}

/// What an operator may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Everything.
    Owner,
    /// Everything but making operators.
    Admin,
    /// Reading.
    Auditor,
}

impl Role {
    const fn role(self) -> OperatorRole {
        match self {
            Self::Owner => OperatorRole::Owner,
            Self::Admin => OperatorRole::Admin,
            Self::Auditor => OperatorRole::Auditor,
        }
    }
}

/// What is asked for, beyond the installation and the profile.
struct Wanted {
    role: Role,
    operators: Option<String>,
    another: bool,
}

/// A client that was made.
struct Made {
    organization: String,
    client: String,
    secret: Secret,
}

/// Runs the command.
pub async fn run(options: Options) -> Done {
    let Options { url, profile: name, realm, role, operators, another, allow_http, installation } = options;
    let url = check_url(&url, allow_http)?;
    let file = profile::path()?;
    let mut profiles = Profiles::read(&file)?;
    profile::refuse_taken(&profiles, &name, &format!("`symbolon profile remove {name}` first"))?;
    let local = Local::make(installation).await?;
    let default_realm = local.default_realm().to_owned();
    let realm = realm.unwrap_or_else(|| default_realm.clone());
    let mut session = Session::over(Transport::Local(Box::new(local)), realm.clone());
    let wanted = Wanted { role, operators, another };
    let kept = async {
        find_realm(&mut session, &default_realm).await?;
        let made = make(&mut session, &wanted).await?;
        let profile = Profile {
            realm: Some(realm.clone()),
            ..Profile::new(url, made.client.clone(), made.secret.clone())
        };
        profiles.profiles.insert(name.clone(), profile.clone());
        profiles.default.get_or_insert_with(|| name.clone());
        if let Err(error) = profiles.write(&file) {
            // A client whose secret nobody has would only lie about.
            let path = session.in_realm(&["organizations", &made.organization, "clients", &made.client])?;
            session.ask(Asked::new(Method::DELETE, path)).await?;
            return Err(Failure::from(error));
        }
        println!("Realm {realm} is managed by the clients of the organization {}.", made.organization);
        println!("Client {} was made for you ({:?}).", made.client, role.role());
        println!("Profile {name} holds its secret, in {}.", file.display());
        Ok(profile)
    };
    let kept = kept.await;
    session.close().await;
    let is_default = profiles.default.as_ref() == Some(&name);
    look((name, is_default), kept?, &realm).await;
    Ok(())
}

/// Makes the default realm if the installation is empty; any other one has to be there.
async fn find_realm(session: &mut Session, default_realm: &str) -> Done {
    let realm = session.realm().to_owned();
    match fetch(session, Asked::new(Method::GET, path(&["realms", &realm])?)).await {
        Err(Failure::Refused(refusal)) if refusal.status == 404 && realm == default_realm => {
            let body = Some(json!({"id": realm}));
            fetch(session, Asked { body, ..Asked::new(Method::POST, path(&["realms"])?) }).await?;
            println!("Realm {realm} was made.");
            Ok(())
        }
        other => other.map(drop),
    }
}

async fn make(session: &mut Session, wanted: &Wanted) -> Result<Made, Failure> {
    let organization = organization(session, wanted).await?;
    let clients = session.in_realm(&["organizations", &organization, "clients"])?;
    let Wanted { role, .. } = wanted;
    let scopes = Permissions::of_operator(role.role()).scopes();
    let name = format!("{} at the command line ({:?})", operator(), role.role());
    let body = json!({"settings": {"name": name, "grants": [{"audience": AUDIENCE, "scopes": scopes}]}});
    let made = fetch(session, Asked { body: Some(body), ..Asked::new(Method::POST, clients) }).await?;
    let text = |at: &str| made.pointer(at).and_then(Value::as_str).map(str::to_owned);
    Ok(Made {
        organization,
        client: text("/id").context("the client's id")?,
        secret: text("/access_key/secret").map(Secret::new).context("the client's secret")?,
    })
}

/// The organization whose clients manage the realm. A customer never becomes it by accident.
async fn organization(session: &mut Session, wanted: &Wanted) -> Result<String, Failure> {
    let here = session.in_realm(&[])?;
    let realm = fetch(session, Asked::new(Method::GET, here.clone())).await?;
    let known = realm.pointer("/settings/operators").and_then(Value::as_str);
    match (known, &wanted.operators) {
        (Some(known), Some(named)) if known != named => Err(Failure::usage(format!(
            "the realm is managed by the organization {known}; `symbolon realm update` changes that, and {named} would \
             then reach everything"
        ))),
        (Some(known), _) => {
            let clients = session.in_realm(&["organizations", known, "clients"])?;
            let some = fetch(session, Asked::new(Method::GET, format!("{clients}?limit=1"))).await?;
            if !wanted.another && some["items"].as_array().is_some_and(|items| !items.is_empty()) {
                return Err(anyhow!(
                    "the organization {known}, which manages the realm, has clients already: use one of theirs \
                     (`symbolon profile add`), or say --another to make one more"
                )
                .into());
            }
            Ok(known.to_owned())
        }
        (None, named) => {
            let id = named.as_deref().unwrap_or(OPERATORS);
            let place = session.in_realm(&["organizations", id])?;
            match (fetch(session, Asked::new(Method::GET, place)).await, named) {
                (Ok(_), Some(_)) => {}
                (Ok(_), None) => {
                    return Err(Failure::usage(format!(
                        "there is an organization {id} already, and all its clients would manage the realm: say \
                         --operators {id} if that is meant, or name another one"
                    )));
                }
                (Err(Failure::Refused(refusal)), _) if refusal.status == 404 => {
                    let all = session.in_realm(&["organizations"])?;
                    let body = Some(json!({"id": id, "name": "Operators"}));
                    fetch(session, Asked { body, ..Asked::new(Method::POST, all) }).await?;
                }
                (Err(failure), _) => return Err(failure),
            }
            let body = Some(json!({"settings": {"operators": id}}));
            fetch(session, Asked { body, ..Asked::new(Method::PATCH, here) }).await?;
            Ok(id.to_owned())
        }
    }
}

async fn fetch(session: &mut Session, asked: Asked) -> Result<Value, Failure> {
    let answer = session.ask(asked).await?;
    Ok(serde_json::from_str(&answer.text).context("the answer")?)
}

/// Sees whether the server lets the new client in. A running one hears of it within a moment; one that does not run
/// will, when it starts.
async fn look((name, is_default): (String, bool), profile: Profile, realm: &str) {
    let of_profile = if is_default { String::new() } else { format!(" --profile {name}") };
    let further = format!("symbolon organization list{of_profile}");
    let url = profile.url.clone();
    let (Ok(place), Ok(remote)) = (path(&["realms", realm]), Remote::new(name, profile)) else { return };
    let mut transport = Transport::Remote(Box::new(remote));
    let mut last = None;
    for _ in 0..LOOKS {
        match transport.ask(&Asked::new(Method::GET, place.clone())).await {
            Ok(_) => {
                println!("{url} lets it in. See what is there: {further}");
                return;
            }
            Err(Failure::Unreachable(_)) => {
                eprintln!("No server answers at {url} yet. Once it does: {further}");
                return;
            }
            Err(failure) => last = Some(failure),
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    if let Some(failure) = last {
        eprintln!("{url} does not let it in: {failure}. Is it the server of this installation?");
    }
}
