//! `symbolon import`: takes clients over from another system's export, by the machinery of `symbolon apply`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use symbolon_core::apply::plan::Plan;
use symbolon_core::apply::{self, MadeSecret};
use symbolon_core::audit::Actor;
use symbolon_core::id::{OrganizationId, RealmId};
use symbolon_core::import::{self, Fate, Imported, Note, Target, auth0, keycloak};
use symbolon_core::resource_server::is_absolute_uri;

use crate::commands::{Installation, apply as apply_command, operator};
use crate::config::Config;
use crate::files;
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
    /// Where the installation is.
    #[command(flatten)]
    pub settings: crate::config::Flags,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportForm {
    /// For people.
    Table,
    /// One JSON object, for programs.
    Json,
}

/// Runs the command.
pub async fn run(options: ImportOptions) -> anyhow::Result<ExitCode> {
    let from = match &options.system {
        System::Auth0(from) | System::Keycloak(from) => from,
    };
    let config = Config::load(from.settings.clone())?;
    let default_realm = &config.authority.directory.default_realm;
    let mut imported = read(&options.system, default_realm)
        .with_context(|| format!("{} cannot be imported", from.path.display()))?;
    refuse_weak(&imported)?;
    let installation = Installation::open(
        &config.database,
        &config.data,
        config.master_key_file.as_ref(),
        config.pepper_file.as_ref(),
        config.authority.clone(),
    )
    .await?;
    let authority = installation.authority.clone();
    import::fit(&authority, &mut imported).await?;
    let plan = apply::plan(&authority, &imported.description).await.context("the export")?;
    let report = Report::of(from, &plan, imported.notes);
    drop(imported.description);
    if from.output == ReportForm::Table {
        print!("{}", report.for_people());
    }
    if !from.dry_run && !plan.is_empty() {
        let mut secrets = from.make_secrets.as_deref().map(files::append_private).transpose()?;
        let run = authority.request_id()?;
        let actor = Actor::operator(&operator(), &run);
        let progress = Progress::of(plan.steps.len());
        let tell = |made: MadeSecret| progress.aside(|| apply_command::tell(&made, secrets.as_mut()));
        let done = |steps| progress.reached(steps);
        let taken = apply::execute_telling(&authority, &actor, plan, tell, done).await;
        progress.end();
        taken.context("the import stopped; what was done stays, and running it again goes on from there")?;
    }
    match from.output {
        ReportForm::Json => println!("{}", report.for_programs()),
        ReportForm::Table if from.dry_run => println!("Nothing was changed."),
        ReportForm::Table => println!("Done."),
    }
    drop(authority);
    installation.close().await;
    Ok(ExitCode::SUCCESS)
}

fn read(system: &System, default_realm: &RealmId) -> anyhow::Result<Imported> {
    match system {
        System::Auth0(from) => {
            let export = read_auth0(&from.path)?;
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

/// What is told of an import.
struct Report<'a> {
    from: &'a ImportFrom,
    counts: serde_json::Value,
    summary: String,
    /// The steps one by one, where nothing else comes of them.
    steps: Vec<String>,
    notes: Vec<Note>,
}

impl<'a> Report<'a> {
    fn of(from: &'a ImportFrom, plan: &Plan, notes: Vec<Note>) -> Self {
        let counts = plan.summary();
        let mut summary = String::new();
        for (kind, counts) in &counts {
            let _ = writeln!(
                summary,
                "{kind:<16} {:>8} to create, {:>8} to change",
                counts.create, counts.change
            );
        }
        if counts.is_empty() {
            summary.push_str("Nothing to do: everything is as in the export.\n");
        }
        let steps = plan.steps.iter().filter(|_| from.dry_run).map(ToString::to_string).collect();
        Self { from, counts: json!(counts), summary, steps, notes }
    }

    fn for_people(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            let _ = writeln!(text, "{step}");
        }
        text.push_str(&self.summary);
        for (fate, title) in
            [(Fate::LeftOut, "Not taken over:"), (Fate::Differs, "Taken over, but not as it was:")]
        {
            let mut groups: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
            for note in self.notes.iter().filter(|note| note.fate == fate) {
                groups.entry((&note.kind, &note.reason)).or_default().push(&note.name);
            }
            if !groups.is_empty() {
                let _ = writeln!(text, "\n{title}");
            }
            for ((kind, reason), names) in groups {
                let _ = writeln!(text, "  {kind:<20} {}\n  {:<20}   {reason}", some_of(&names), "");
            }
        }
        text.push('\n');
        text
    }

    fn for_programs(&self) -> serde_json::Value {
        let mut report = json!({ "dry_run": self.from.dry_run, "plan": self.counts, "notes": self.notes });
        if self.from.dry_run {
            report["steps"] = json!(self.steps);
        }
        report
    }
}

/// The first names of a list, and how many more there are.
fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
