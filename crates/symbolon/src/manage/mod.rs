//! Managing an installation from the command line: `symbolon <noun> <verb>`.
//!
//! Every command asks the management API and nothing else: over HTTP with a profile's credentials, or, with `--local`,
//! the same router in this process over the store. So each command is written once. A noun is one file in `nouns`.

pub mod bootstrap;
pub mod failure;
pub mod local_options;
pub mod nouns;
pub mod options;
pub mod place;
pub mod profile;
pub mod render;
pub mod secrets;
pub mod session;
pub mod transport;
pub mod whole;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::manage::failure::Done;
use crate::manage::nouns::{
    client, key, leak, licence, organization, policy, quota, realm, request, resource_server, revocation,
    signing_key, usage, user,
};
use crate::manage::options::Options;
use crate::manage::session::Session;

/// What can be managed.
#[derive(Debug, Subcommand)]
pub enum Manage {
    /// Make the first client that may manage, and a profile with it.
    Bootstrap(Box<bootstrap::Options>),
    /// Where the commands below go, and as whom.
    #[command(subcommand)]
    Profile(profile::Verb),
    /// Issuers, each with its own keys, clients and rules.
    Realm(Box<Noun<realm::Verb>>),
    /// The APIs that tokens are for.
    ResourceServer(Box<Noun<resource_server::Verb>>),
    /// Named sets of rules that clients are given.
    Policy(Box<Noun<policy::Verb>>),
    /// Customers.
    Organization(Box<Noun<organization::Verb>>),
    /// The times in which an organization may use an API.
    Licence(Box<Noun<licence::Verb>>),
    /// People: members of an organization, and operators of a realm.
    User(Box<Noun<user::Verb>>),
    /// The machines and programs of an organization.
    Client(Box<Noun<client::Verb>>),
    /// The access keys of a client.
    Key(Box<Noun<key::Verb>>),
    /// The keys that tokens are signed with.
    SigningKey(Box<Noun<signing_key::Verb>>),
    /// Killing tokens before they expire.
    Revocation(Box<Noun<revocation::Verb>>),
    /// How often clients got tokens and were refused.
    Usage(Box<Noun<usage::Verb>>),
    /// How many tokens a client may get in an hour.
    Quota(Box<Noun<quota::Verb>>),
    /// Secrets that were found where strangers can read them.
    Leak(Box<Noun<leak::Verb>>),
    /// What happened to token requests.
    Request(Box<Noun<request::Verb>>),
}

/// One noun: what it can do, and the options that all nouns share.
#[derive(Debug, Args)]
pub struct Noun<V: Subcommand> {
    /// Where, as whom, and how to show it.
    #[command(flatten)]
    pub options: Options,
    /// What to do.
    #[command(subcommand)]
    pub verb: V,
}

/// A list that is asked for by itself.
#[derive(Debug, Args)]
pub struct Listing<A: Args> {
    /// Where, as whom, and how to show it.
    #[command(flatten)]
    pub options: Options,
    /// What of it.
    #[command(flatten)]
    pub asked: A,
}

impl<A: Args> Listing<A> {
    /// Shows it.
    pub async fn run(self, work: impl AsyncFnOnce(A, &mut Session) -> Done) -> ExitCode {
        in_session(self.options, self.asked, work).await
    }
}

impl<V: Subcommand> Noun<V> {
    async fn run(self, work: impl AsyncFnOnce(V, &mut Session) -> Done) -> ExitCode {
        in_session(self.options, self.verb, work).await
    }
}

async fn in_session<T>(
    options: Options,
    what: T,
    work: impl AsyncFnOnce(T, &mut Session) -> Done,
) -> ExitCode {
    let output = options.output;
    let done = match Session::open(options).await {
        Ok(mut session) => {
            let done = work(what, &mut session).await;
            session.close().await;
            done
        }
        Err(failure) => Err(failure),
    };
    failure::exit(done, output)
}

/// Runs a command, and says on standard error what went wrong.
pub async fn run(command: Manage) -> ExitCode {
    match command {
        Manage::Bootstrap(options) => failure::exit(bootstrap::run(*options).await, render::Output::Table),
        Manage::Profile(verb) => failure::exit(profile::run(verb), render::Output::Table),
        Manage::Realm(noun) => noun.run(realm::run).await,
        Manage::ResourceServer(noun) => noun.run(resource_server::run).await,
        Manage::Policy(noun) => noun.run(policy::run).await,
        Manage::Organization(noun) => noun.run(organization::run).await,
        Manage::Licence(noun) => noun.run(licence::run).await,
        Manage::User(noun) => noun.run(user::run).await,
        Manage::Client(noun) => noun.run(client::run).await,
        Manage::Key(noun) => noun.run(key::run).await,
        Manage::SigningKey(noun) => noun.run(signing_key::run).await,
        Manage::Revocation(noun) => noun.run(revocation::run).await,
        Manage::Usage(noun) => noun.run(usage::run).await,
        Manage::Quota(noun) => noun.run(quota::run).await,
        Manage::Leak(noun) => noun.run(leak::run).await,
        Manage::Request(noun) => noun.run(request::run).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Subcommand as _};

    use super::Manage;
    use crate::cli::Cli;

    #[test]
    fn flags_do_not_contradict_one_another() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_document_names_every_noun_with_its_verbs_and_no_others() {
        let document = include_str!("../../../../docs/cli.md");
        let quoted = |cell: &str| -> Vec<String> {
            let words = cell.split('`').skip(1).step_by(2);
            words.filter(|word| !word.starts_with('-')).map(str::to_owned).collect()
        };
        let section = document.split("| noun | verbs |").nth(1).and_then(|rest| rest.split("\n\n").next());
        let mut documented = Vec::new();
        for row in section.unwrap().lines().skip(2) {
            let cells: Vec<&str> = row.split('|').collect();
            documented.push((quoted(cells[1]).pop().unwrap(), quoted(cells[2])));
        }
        let command = Manage::augment_subcommands(clap::Command::new("symbolon"));
        let mut offered = Vec::new();
        for noun in command.get_subcommands().filter(|command| command.has_subcommands()) {
            let verbs = noun.get_subcommands().map(|verb| verb.get_name().to_owned()).collect::<Vec<_>>();
            if noun.get_name() != "profile" {
                offered.push((noun.get_name().to_owned(), verbs));
            }
        }
        let sorted = |mut table: Vec<(String, Vec<String>)>| {
            for (_, verbs) in &mut *table {
                verbs.sort();
            }
            table.sort();
            table
        };
        assert_eq!(sorted(documented), sorted(offered));
    }
}
