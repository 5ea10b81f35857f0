//! `symbolon import`: takes clients over from another system's export, by the machinery of `symbolon apply`. What is read
//! is made a description here; the management API only ever sees that.

mod report;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;
use symbolon_core::apply::description::Description;
use symbolon_core::apply::{self, MadeSecret};
use symbolon_core::audit::Actor;
use symbolon_core::id::{OrganizationId, RealmId};
use symbolon_core::import::{self, Imported, Known, Target, auth0, keycloak};
use symbolon_core::realm::RealmSettings;
use symbolon_core::resource_server::{ResourceServerSettings, is_absolute_uri};

use self::report::{Report, Steps};
use crate::commands::{Installation, apply as apply_command, operator};
use crate::config::Config;
use crate::files;
use crate::manage::failure::{self, Done, Failure};
use crate::manage::place::{Meant, Place};
use crate::manage::render::Output;
use crate::manage::session::path;
use crate::manage::transport::{Content, Remote};
use crate::manage::whole::{self, How, Told};
use crate::progress::Progress;

/// `symbolon import`
#[derive(Debug, Args)]
pub struct ImportOptions {
    /// The system that the export is of.
    #[command(subcommand)]
    pub system: System,
}

/// The systems whose exports are understood.
#[derive(Debug, Subcommand)]
pub enum System {
    /// An Auth0 tenant: `tenant.yaml`, or the folder of JSON files, as Auth0's deploy tool exports it.
    Auth0(ImportFrom),
    /// A Keycloak realm: the file or the folder that `kc.sh export` writes.
    Keycloak(ImportFrom),
}

impl System {
    const fn from(&self) -> &ImportFrom {
        match self {
            Self::Auth0(from) | Self::Keycloak(from) => from,
        }
    }
}

/// What is imported, and where to.
#[derive(Debug, Args)]
pub struct ImportFrom {
    /// The export.
    #[arg(value_name = "FILE|FOLDER")]
    pub path: PathBuf,
    /// The organization that the clients go into; made if it is not there.
    #[arg(long, value_name = "ORGANIZATION", value_parser = |text: &str| OrganizationId::new(text))]
    pub organization: OrganizationId,
    /// The realm that they go into; made if it is not there. By default the one of the same name as Keycloak's, or
    /// the default realm.
    #[arg(long, value_name = "REALM", value_parser = |text: &str| RealmId::new(text))]
    pub realm: Option<RealmId>,
    /// The audience of clients whose export names none.
    #[arg(long, value_name = "URI")]
    pub audience: Option<String>,
    /// Show what would be done and what would be left out, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Take secrets of fewer than 16 characters over, too.
    #[arg(long)]
    pub allow_weak: bool,
    /// Make secrets for clients whose own is not in the export, and append them to this file (mode 0600).
    #[arg(long, value_name = "FILE")]
    pub make_secrets: Option<PathBuf>,
    /// The form of the report.
    #[arg(long, value_name = "FORM", default_value = "table")]
    pub output: ReportForm,
    /// The installation.
    #[command(flatten)]
    pub place: Place,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportForm {
    /// For people.
    Table,
    /// One JSON object, for programs.
    Json,
}

/// So many clients are sent at once: what the server takes is bounded, and so is what it does for one request.
const CLIENTS_AT_ONCE: usize = 2000;

/// Runs the command.
pub async fn run(options: ImportOptions) -> ExitCode {
    let output = match options.system.from().output {
        ReportForm::Table => Output::Table,
        ReportForm::Json => Output::Json,
    };
    failure::exit(imported(&options.system).await, output)
}

async fn imported(system: &System) -> Done {
    let from = system.from();
    let read = |usual_realm: &RealmId| {
        let imported = read(system, usual_realm)
            .with_context(|| format!("{} cannot be imported", from.path.display()))?;
        refuse_weak(&imported)?;
        anyhow::Ok(imported)
    };
    match from.place.clone().find_whole()? {
        Meant::Local(installation) => {
            let config = installation.load()?;
            let imported = read(&config.authority.directory.default_realm)?;
            here(from, &config, imported).await?;
        }
        Meant::Remote(name, profile) => {
            let usual = profile.realm.as_deref().unwrap_or("default");
            let usual = RealmId::new(usual).context("the profile's realm")?;
            let imported = read(&usual)?;
            there(from, &mut Remote::new(name, *profile)?, imported).await?;
        }
    }
    Ok(())
}

const GOES_ON: &str = "the import stopped; what was done stays, and running it again goes on from there";

async fn here(from: &ImportFrom, config: &Config, mut imported: Imported) -> anyhow::Result<()> {
    let installation = Installation::of(config).await?;
    let authority = installation.authority.clone();
    let known = realm_of(&imported).and_then(|realm| Known::find(&authority, realm));
    import::fit(&mut imported, known.as_ref());
    let plan = apply::plan(&authority, &imported.description).await.context("the export")?;
    let mut told = Steps::default();
    for step in &plan.steps {
        let counts = told.counts.entry(step.kind().to_owned()).or_default();
        if step.creates() {
            counts.create += 1;
        } else {
            counts.change += 1;
        }
        told.texts.extend(from.dry_run.then(|| step.to_string()));
    }
    let report = Report::of(from, told, imported.notes);
    drop(imported.description);
    report.begin();
    if !from.dry_run && !plan.is_empty() {
        let mut secrets = from.make_secrets.as_deref().map(files::append_private).transpose()?;
        let run = authority.request_id()?;
        let actor = Actor::operator(&operator(), &run);
        let progress = Progress::of(plan.steps.len());
        let tell = |made: MadeSecret| progress.aside(|| apply_command::tell(&made, secrets.as_mut()));
        let done = |steps| progress.reached(steps);
        let taken = apply::execute_telling(&authority, &actor, plan, tell, done).await;
        progress.end();
        taken.context(GOES_ON)?;
    }
    report.end();
    drop(authority);
    installation.close().await;
    Ok(())
}

fn realm_of(imported: &Imported) -> Option<&RealmId> {
    imported.description.realms.first().map(|realm| &realm.id)
}

async fn there(from: &ImportFrom, remote: &mut Remote, mut imported: Imported) -> Done {
    let known = match realm_of(&imported) {
        Some(realm) => known_there(remote, realm).await?,
        None => None,
    };
    import::fit(&mut imported, known.as_ref());
    let slices = slices(imported.description)?;
    // All of it is checked and compared before the first step is taken.
    let mut told = Steps::default();
    let mut of_slice = Vec::new();
    for (number, slice) in slices.iter().enumerate() {
        let mut steps = 0;
        whole::apply(remote, slice, How::Plan, |line| {
            // Every slice says again what the clients build on; the first makes it.
            if let Told::Step(step) = line
                && (number == 0 || matches!(step.kind.as_str(), "client" | "access key"))
            {
                step.count(told.counts.entry(step.kind.clone()).or_default());
                told.texts.extend(from.dry_run.then(|| step.text.clone()));
                steps += 1;
            }
            Ok(())
        })
        .await?;
        of_slice.push(steps);
    }
    let report = Report::of(from, told, imported.notes);
    report.begin();
    if !from.dry_run && of_slice.iter().any(|steps| *steps > 0) {
        let mut secrets = from.make_secrets.as_deref().map(files::append_private).transpose()?;
        let progress = Progress::of(of_slice.iter().sum());
        let mut before = 0;
        let mut taken = Ok(());
        for (slice, steps) in slices.iter().zip(of_slice).filter(|(_, steps)| *steps > 0) {
            taken = whole::apply(remote, slice, How::Take, |line| {
                match line {
                    Told::Done(steps) => progress.reached(before + steps),
                    Told::Secret(made) => {
                        let of = (made.realm.as_str(), made.client.as_str(), made.access_key.as_str());
                        let told = || apply_command::hand_out(of, &made.secret, secrets.as_mut());
                        progress.aside(told).context("a secret could not be handed out")?;
                    }
                    Told::Step(_) => {}
                }
                Ok(())
            })
            .await;
            if taken.is_err() {
                break;
            }
            before += steps;
        }
        progress.end();
        if taken.is_err() {
            eprintln!("{GOES_ON}:");
        }
        taken?;
    }
    report.end();
    Ok(())
}

/// What the server knows of a realm.
async fn known_there(remote: &mut Remote, realm: &RealmId) -> Result<Option<Known>, Failure> {
    #[derive(Deserialize)]
    struct Realm {
        settings: RealmSettings,
    }
    #[derive(Deserialize)]
    struct Servers {
        items: Vec<Server>,
    }
    #[derive(Deserialize)]
    struct Server {
        identifier: String,
        settings: ResourceServerSettings,
    }
    let found = match remote.fetch(path(&["realms", realm.as_str()])?).await {
        Err(Failure::Refused(refusal)) if refusal.status == 404 => return Ok(None),
        found => found?,
    };
    let Realm { settings } = serde_json::from_str(&found).context("what the server says of the realm")?;
    let found = remote.fetch(path(&["realms", realm.as_str(), "resource-servers"])?).await?;
    let Servers { items } =
        serde_json::from_str(&found).context("what the server says of the realm's APIs")?;
    let resource_servers = items.into_iter().map(|server| (server.identifier, server.settings)).collect();
    Ok(Some(Known { settings, resource_servers }))
}

/// The description in parts, each with everything but the clients, and some of these.
fn slices(mut description: Description) -> Result<Vec<Content>, Failure> {
    let organizations = description.realms.iter_mut().flat_map(|realm| &mut realm.organizations);
    let clients: Vec<_> =
        organizations.flat_map(|organization| std::mem::take(&mut organization.clients)).collect();
    let mut ids = HashSet::new();
    if let Some(twice) = clients.iter().find(|client| !ids.insert(&client.id)) {
        return Err(anyhow!("the export has the client {} twice", twice.id).into());
    }
    drop(ids);
    let mut slices = Vec::new();
    let mut rest = clients.into_iter();
    loop {
        let some: Vec<_> = rest.by_ref().take(CLIENTS_AT_ONCE).collect();
        if some.is_empty() && !slices.is_empty() {
            return Ok(slices);
        }
        let organization = description.realms.iter_mut().flat_map(|realm| &mut realm.organizations).next();
        if let Some(organization) = organization {
            organization.clients = some;
        }
        let json = description.to_json_with_secrets().context("the description")?;
        slices.push(Content { kind: "application/json", bytes: json.to_string().into() });
    }
}

fn read(system: &System, default_realm: &RealmId) -> anyhow::Result<Imported> {
    match system {
        System::Auth0(from) => {
            let export = read_auth0(&from.path)?;
            export.check()?;
            Ok(auth0::describe(&export, &target(from, default_realm)?))
        }
        System::Keycloak(from) => {
            let export = read_keycloak(&from.path)?;
            let realm = RealmId::new(export.realm()).unwrap_or_else(|_| default_realm.clone());
            Ok(keycloak::describe(&export, &target(from, &realm)?))
        }
    }
}

fn target(from: &ImportFrom, realm: &RealmId) -> anyhow::Result<Target> {
    if let Some(audience) = from.audience.as_deref().filter(|audience| !is_absolute_uri(audience)) {
        bail!("--audience {audience}: an absolute URI without a fragment is needed");
    }
    Ok(Target {
        realm: from.realm.as_ref().unwrap_or(realm).clone(),
        organization: from.organization.clone(),
        audience: from.audience.clone(),
        allow_weak: from.allow_weak,
        make_secrets: from.make_secrets.is_some(),
    })
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn read_auth0(path: &Path) -> anyhow::Result<auth0::Export> {
    if !path.is_dir() {
        return Ok(auth0::Export::parse_yaml(&read_text(path)?)?);
    }
    let mut export = auth0::Export::default();
    for entry in walkdir::WalkDir::new(path).min_depth(1).max_depth(2).sort_by_file_name() {
        let entry = entry?;
        let is_json = entry.path().extension().is_some_and(|extension| extension == "json");
        if !is_json || !entry.file_type().is_file() {
            continue;
        }
        let folder = entry.path().parent().filter(|_| entry.depth() == 2).and_then(Path::file_name);
        let folder = folder.unwrap_or_default().to_string_lossy();
        let text = read_text(entry.path())?;
        let added = export.add_json(&folder, &entry.file_name().to_string_lossy(), &text);
        added.with_context(|| entry.path().display().to_string())?;
    }
    Ok(export)
}

/// A folder holds `<realm>-realm.json`, and users in files of their own.
fn read_keycloak(path: &Path) -> anyhow::Result<keycloak::Export> {
    if !path.is_dir() {
        return Ok(keycloak::Export::parse(&read_text(path)?)?);
    }
    let (mut realms, mut users) = (Vec::new(), Vec::new());
    for entry in walkdir::WalkDir::new(path).min_depth(1).max_depth(1).sort_by_file_name() {
        let file = entry?.into_path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with("-realm.json") {
            realms.push(file);
        } else if name.contains("-users-") {
            users.push(file);
        }
    }
    let [realm] = realms.as_slice() else {
        bail!("a folder with one file *-realm.json is needed, and this one has {}", realms.len())
    };
    let mut export =
        keycloak::Export::parse(&read_text(realm)?).with_context(|| realm.display().to_string())?;
    for file in users {
        export.add_users(&read_text(&file)?).with_context(|| file.display().to_string())?;
    }
    Ok(export)
}

fn refuse_weak(imported: &Imported) -> anyhow::Result<()> {
    let weak = import::weak_secrets(&imported.description);
    if weak.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = weak.iter().take(20).map(|id| id.as_str()).collect();
    let more = if weak.len() > named.len() { ", …" } else { "" };
    bail!(
        "secrets of fewer than 16 characters, {} in all, of the clients {}{more}: to take them over say --allow-weak",
        weak.len(),
        named.join(", ")
    )
}
