//! `symbolon apply`: makes what is stored as a file describes it.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use symbolon_core::apply::description::Description;
use symbolon_core::apply::{self, MadeSecret};
use symbolon_core::audit::Actor;
use symbolon_core::edit::EditError;

use crate::cli::ApplyOptions;
use crate::commands::{Installation, operator};
use crate::config::Config;
use crate::files;
use crate::progress::Progress;

/// Runs the command.
pub async fn run(options: ApplyOptions) -> anyhow::Result<ExitCode> {
    let file = options.file.display().to_string();
    let text = std::fs::read_to_string(&options.file).with_context(|| file.clone())?;
    let description = Description::parse(&text).with_context(|| file.clone())?;
    let config = Config::load(options.settings)?;
    let installation = Installation::open(
        &config.database,
        &config.data,
        config.master_key_file.as_ref(),
        config.pepper_file.as_ref(),
        config.authority,
    )
    .await?;
    let authority = installation.authority.clone();
    let plan = apply::plan(&authority, &description).await.with_context(|| file.clone())?;
    print!("{plan}");
    if !options.plan && !plan.is_empty() {
        let mut secrets = options.secrets.as_deref().map(files::append_private).transpose()?;
        let run = authority.request_id()?;
        let actor = Actor::operator(&operator(), &run);
        let progress = Progress::of(plan.steps.len());
        let tell = |made: MadeSecret| progress.aside(|| tell(&made, secrets.as_mut()));
        let done = |steps| progress.reached(steps);
        let taken = apply::execute_telling(&authority, &actor, plan, tell, done).await;
        progress.end();
        taken.with_context(|| file.clone())?;
        println!("Done.");
    }
    drop(authority);
    installation.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Hands out a secret that was just made: one line of JSON in a private file, or a line on the terminal.
pub(crate) fn tell(made: &MadeSecret, file: Option<&mut std::fs::File>) -> Result<(), EditError> {
    let line = match &file {
        Some(_) => serde_json::json!({
            "realm": made.realm,
            "client_id": made.client,
            "access_key_id": made.access_key,
            "client_secret": made.secret.expose(),
        })
        .to_string(),
        None => format!(
            "  secret of access key {} (client {}), shown this once:\n  {}",
            made.access_key,
            made.client,
            made.secret.expose()
        ),
    };
    let written = match file {
        Some(file) => writeln!(file, "{line}").and_then(|()| file.sync_all()),
        None => writeln!(std::io::stdout().lock(), "{line}"),
    };
    written.map_err(|error| EditError::Invalid(format!("the secret could not be handed out: {error}")))
}
