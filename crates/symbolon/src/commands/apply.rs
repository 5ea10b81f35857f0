//! `symbolon apply`: makes what is stored as a file describes it, by the management API or at the machine itself.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use symbolon_core::apply::description::Description;
use symbolon_core::apply::plan::Counts;
use symbolon_core::apply::{self, MadeSecret};
use symbolon_core::audit::Actor;
use symbolon_core::edit::EditError;
use symbolon_core::secret::Secret;

use crate::cli::ApplyOptions;
use crate::commands::{Installation, operator};
use crate::files;
use crate::manage::failure::{self, Done};
use crate::manage::local_options::LocalOptions;
use crate::manage::place::Meant;
use crate::manage::render::{Output, Screen, plain};
use crate::manage::transport::{Content, Remote};
use crate::manage::whole::{self, How, Told};
use crate::progress::Progress;

/// Runs the command.
pub async fn run(options: ApplyOptions) -> ExitCode {
    failure::exit(applied(options).await, Output::Table)
}

async fn applied(options: ApplyOptions) -> Done {
    let ApplyOptions { file, plan, secrets, place } = options;
    let is_input = file.as_os_str() == "-";
    let name = if is_input { "standard input".to_owned() } else { file.display().to_string() };
    let text =
        if is_input { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(&file) };
    let text = text.with_context(|| name.clone())?;
    // Wherever it goes: a mistake is told by its line, and nothing is sent.
    let description = Description::parse(&text).with_context(|| name.clone())?;
    let how = if plan { How::Plan } else { How::Take };
    match place.find_whole()? {
        Meant::Local(installation) => {
            Ok(here(*installation, (&description, &name), (how, secrets.as_deref())).await?)
        }
        Meant::Remote(profile_name, profile) => {
            let mut remote = Remote::new(profile_name, *profile)?;
            let content = Content { kind: "application/yaml", bytes: text.into() };
            there(&mut remote, &content, (how, secrets.as_deref())).await
        }
    }
}

async fn here(
    installation: LocalOptions,
    (description, file): (&Description, &str),
    (how, secrets): (How, Option<&Path>),
) -> anyhow::Result<()> {
    let installation = Installation::of(&installation.load()?).await?;
    let authority = installation.authority.clone();
    let plan = apply::plan(&authority, description).await.context(file.to_owned())?;
    print!("{plan}");
    if how == How::Take && !plan.is_empty() {
        let mut secrets = secrets.map(files::append_private).transpose()?;
        let run = authority.request_id()?;
        let actor = Actor::operator(&operator(), &run);
        let progress = Progress::of(plan.steps.len());
        let tell = |made: MadeSecret| progress.aside(|| tell(&made, secrets.as_mut()));
        let done = |steps| progress.reached(steps);
        let taken = apply::execute_telling(&authority, &actor, plan, tell, done).await;
        progress.end();
        taken.context(file.to_owned())?;
        println!("Done.");
    }
    drop(authority);
    installation.close().await;
    Ok(())
}

async fn there(remote: &mut Remote, content: &Content, (how, secrets): (How, Option<&Path>)) -> Done {
    let mut secrets = secrets.filter(|_| how == How::Take).map(files::append_private).transpose()?;
    let screen = Screen::find();
    let mut counts = Counts::default();
    let mut progress = None;
    let taken = whole::apply(remote, content, how, |told| {
        if let Told::Step(step) = told {
            step.count(&mut counts);
            // That nobody reads on is no reason to stop half-way.
            let _ = screen.write(&format!("{}\n", plain(&step.text)));
            return Ok(());
        }
        let progress = progress.get_or_insert_with(|| {
            let _ = screen.write(&summary(counts));
            Progress::of(counts.create + counts.change)
        });
        match told {
            Told::Done(steps) => progress.reached(steps),
            Told::Secret(made) => {
                let of = (made.realm.as_str(), made.client.as_str(), made.access_key.as_str());
                let told = progress.aside(|| hand_out(of, &made.secret, secrets.as_mut()));
                told.context("a secret could not be handed out, and nothing more is done")?;
            }
            Told::Step(_) => {}
        }
        Ok(())
    });
    let taken = taken.await;
    let is_begun = progress.is_some();
    progress.into_iter().for_each(Progress::end);
    taken?;
    match (is_begun, how) {
        (true, _) => screen.write("Done.\n"),
        (false, _) => screen.write(&summary(counts)),
    }
}

fn summary(Counts { create, change }: Counts) -> String {
    if create + change == 0 {
        return "Nothing to do: everything is as described.\n".to_owned();
    }
    format!("{create} to create, {change} to change.\n")
}

/// Hands out a secret that was just made: one line of JSON in a private file, or a line on the terminal.
pub(crate) fn tell(made: &MadeSecret, file: Option<&mut File>) -> Result<(), EditError> {
    let of = (made.realm.as_str(), made.client.as_str(), made.access_key.as_str());
    hand_out(of, &made.secret, file)
        .map_err(|error| EditError::Invalid(format!("the secret could not be handed out: {error}")))
}

/// The same, from wherever it comes.
pub(crate) fn hand_out(
    (realm, client, key): (&str, &str, &str),
    secret: &Secret,
    file: Option<&mut File>,
) -> std::io::Result<()> {
    let Some(file) = file else {
        let (client, key, secret) = (plain(client), plain(key), plain(secret.expose()));
        return writeln!(
            std::io::stdout().lock(),
            "  secret of access key {key} (client {client}), shown this once:\n  {secret}"
        );
    };
    let line = serde_json::json!({
        "realm": realm,
        "client_id": client,
        "access_key_id": key,
        "client_secret": secret.expose(),
    });
    writeln!(file, "{line}")?;
    file.sync_all()
}
