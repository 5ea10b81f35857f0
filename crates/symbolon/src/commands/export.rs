//! `symbolon export`: writes what is stored, as the file that `symbolon apply` reads or as lines of JSON.

use std::io::{BufWriter, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use symbolon_core::export::{Export, YamlWriter};
use symbolon_core::id::RealmId;
use symbolon_core::store::Store;

use crate::config::Config;
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
    /// Where the installation is.
    #[command(flatten)]
    pub settings: crate::config::Flags,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportForm {
    /// A description, as `symbolon apply` reads it.
    Yaml,
    /// One JSON object a line: a realm, then what is in it.
    Ndjson,
}

/// Runs the command. Needs no keys: what is sealed is not written.
pub async fn run(options: ExportOptions) -> anyhow::Result<ExitCode> {
    let config = Config::load(options.settings)?;
    config.database.expect_there()?;
    let store = open_store::open(config.database).await?;
    let written = write(&store, options.realm.as_ref(), options.output).await;
    store.close().await;
    match written {
        // Whoever reads it had enough.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        written => written.map(|()| ExitCode::SUCCESS),
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
