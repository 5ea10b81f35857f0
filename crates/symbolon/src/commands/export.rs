//! `symbolon export`: writes what is stored, as the file that `symbolon apply` reads or as lines of JSON.

use std::io::{BufWriter, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use symbolon_core::export::{Export, YamlWriter};
use symbolon_core::id::RealmId;
use symbolon_core::store::Store;

use crate::manage::failure::{self, Done, Failure};
use crate::manage::local_options::LocalOptions;
use crate::manage::place::{Meant, Place};
use crate::manage::render::Output;
use crate::manage::session::path;
use crate::manage::transport::Remote;
use crate::open_store;

/// `symbolon export`
#[derive(Debug, Args)]
pub struct ExportOptions {
    /// Only this realm.
    #[arg(long, value_name = "REALM", value_parser = |text: &str| RealmId::new(text))]
    pub realm: Option<RealmId>,
    /// The form.
    #[arg(long, value_name = "FORM", default_value = "yaml")]
    pub output: ExportForm,
    /// The installation.
    #[command(flatten)]
    pub place: Place,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportForm {
    /// A description, as `symbolon apply` reads it.
    Yaml,
    /// One JSON object a line: a realm, then what is in it.
    Ndjson,
}

/// Runs the command.
pub async fn run(options: ExportOptions) -> ExitCode {
    failure::exit(exported(options).await, Output::Table)
}

async fn exported(options: ExportOptions) -> Done {
    let ExportOptions { realm, output, place } = options;
    let written = match place.find_whole()? {
        Meant::Local(installation) => here(*installation, realm.as_ref(), output).await,
        Meant::Remote(name, profile) => {
            let mut remote = Remote::new(name, *profile)?;
            return there(&mut remote, realm.as_ref(), output).await;
        }
    };
    match written {
        // Whoever reads it had enough.
        Err(error) if is_broken_pipe(&error) => Err(Failure::Closed),
        written => Ok(written?),
    }
}

/// Needs no keys: what is sealed is not written.
async fn here(installation: LocalOptions, realm: Option<&RealmId>, form: ExportForm) -> anyhow::Result<()> {
    let config = installation.load()?;
    config.database.expect_there()?;
    let store = open_store::open(config.database).await?;
    let written = write(&store, realm, form).await;
    store.close().await;
    written
}

async fn there(remote: &mut Remote, realm: Option<&RealmId>, form: ExportForm) -> Done {
    let place = match realm {
        Some(realm) => path(&["realms", realm.as_str(), "export"])?,
        None => path(&["export"])?,
    };
    let form = match form {
        ExportForm::Yaml => "description",
        ExportForm::Ndjson => "items",
    };
    let mut answer = match remote.stream(&format!("{place}?form={form}"), None).await {
        Err(Failure::Refused(mut refusal)) if realm.is_none() && refusal.status == 403 => {
            refusal.detail = format!("{}; to export one realm alone, say --realm", refusal.detail);
            return Err(Failure::Refused(refusal));
        }
        answer => answer?,
    };
    let mut out = std::io::stdout().lock();
    while let Some(part) = answer.chunk().await? {
        written(out.write_all(&part))?;
    }
    written(out.flush())
}

fn written(result: std::io::Result<()>) -> Done {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::Closed),
        other => Ok(other.context("standard output")?),
    }
}

async fn write(store: &Arc<dyn Store>, realm: Option<&RealmId>, form: ExportForm) -> anyhow::Result<()> {
    let mut export = Export::begin(Arc::clone(store), realm).await.context("there is no such realm")?;
    let mut out = BufWriter::new(std::io::stdout());
    let mut yaml = YamlWriter::default();
    while let Some(items) = export.next().await? {
        for item in &items {
            match form {
                ExportForm::Yaml => out.write_all(yaml.item(item)?.as_bytes())?,
                ExportForm::Ndjson => {
                    serde_json::to_writer(&mut out, item).map_err(std::io::Error::from)?;
                    out.write_all(b"\n")?;
                }
            }
        }
    }
    if form == ExportForm::Yaml {
        out.write_all(yaml.end().as_bytes())?;
    }
    out.flush()?;
    Ok(())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
