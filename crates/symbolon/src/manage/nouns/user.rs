//! `symbolon user`: members of an organization, or, with `--operator`, the operators of the realm.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use symbolon_server::axum::http::Method;

use crate::manage::failure::{Done, Failure};
use crate::manage::options::{Body, Contents, Expected, One, Sorted};
use crate::manage::render::value::{Column, Reads};
use crate::manage::secrets;
use crate::manage::session::Session;
use crate::manage::transport::Asked;

const COLUMNS: [Column; 6] = [
    Column::plain("ID", "/id"),
    Column::plain("EMAIL", "/email"),
    Column::plain("ROLE", "/role"),
    Column::plain("STATUS", "/status"),
    Column::new("PASSWORD", "/has_password", Reads::If("set")),
    Column::new("CREATED", "/created_at", Reads::Time),
];

/// What can be done with people.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The organization's members, or the realm's operators.
    List {
        /// Whose.
        #[command(flatten)]
        kind: Kind,
        /// Which part.
        #[command(flatten)]
        sorted: Sorted,
    },
    /// One person.
    Show {
        /// Of which kind.
        #[command(flatten)]
        kind: Kind,
        /// Who.
        #[command(flatten)]
        one: One,
    },
    /// Make a member or an operator.
    Create {
        /// Of which kind.
        #[command(flatten)]
        kind: Kind,
        /// Who.
        #[command(flatten)]
        person: Person,
    },
    /// Change somebody. A new password or role kills the tokens that they have.
    Update {
        /// Of which kind.
        #[command(flatten)]
        kind: Kind,
        /// Who.
        #[command(flatten)]
        one: One,
        /// What is changed.
        #[command(flatten)]
        person: Person,
        /// In which version.
        #[command(flatten)]
        expected: Expected,
    },
    /// Make a member or an operator who chooses a password by a link, and show the link; or one for somebody who is
    /// there and has no password yet. Whoever has the link is taken for that person.
    Invite {
        /// Of which kind.
        #[command(flatten)]
        kind: Kind,
        /// Somebody who is there already, by id.
        #[arg(value_name = "ID", conflicts_with_all = ["email", "role"], required_unless_present = "email")]
        id: Option<String>,
        /// The address of somebody new.
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// A member's: admin, developer, viewer. An operator's: owner, admin, auditor. [default: viewer, or auditor]
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
    },
    /// Show a link by which somebody who forgot the password chooses another one. The old one works until then.
    Reset {
        /// Of which kind.
        #[command(flatten)]
        kind: Kind,
        /// Who.
        #[command(flatten)]
        one: One,
    },
    /// Let somebody in again.
    Enable {
        /// Of which kind.
        #[command(flatten)]
        kind: Kind,
        /// Who.
        #[command(flatten)]
        one: One,
    },
    /// Let somebody in no more: their tokens are dead.
    Disable {
        /// Of which kind.
        #[command(flatten)]
        kind: Kind,
        /// Who.
        #[command(flatten)]
        one: One,
    },
}

/// Members or operators.
#[derive(Clone, Copy, Debug, Args)]
pub struct Kind {
    /// An operator of the realm, instead of a member of the organization.
    #[arg(long)]
    operator: bool,
}

/// Who somebody is.
#[derive(Debug, Args)]
pub struct Person {
    /// The address that they sign in with.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// A member's: admin, developer, viewer. An operator's: owner, admin, auditor.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// A file with the password.
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    password_file: Option<PathBuf>,
    /// Read the password from standard input.
    #[arg(long)]
    password_stdin: bool,
    /// Everything else.
    #[command(flatten)]
    contents: Contents,
}

impl Person {
    fn body(self) -> Result<Body, Failure> {
        let password = match (&self.password_file, self.password_stdin) {
            (None, false) => None,
            (file, _) => Some(secrets::read(file.as_deref(), "password")?),
        };
        let mut body = Body::of(self.contents)?;
        body.put(&["email"], self.email)?
            .put(&["role"], self.role)?
            .put(&["password"], password.as_ref().map(symbolon_core::secret::Secret::expose))?;
        Ok(body)
    }
}

impl Kind {
    fn at(self, session: &Session, id: &[&str]) -> Result<String, Failure> {
        if self.operator {
            session.in_realm(&[&["operators"], id].concat())
        } else {
            session.in_organization(&[&["members"], id].concat())
        }
    }
}

impl Kind {
    /// Makes somebody who has no password, and answers the id.
    async fn make(
        self,
        session: &mut Session,
        email: Option<String>,
        role: Option<String>,
    ) -> Result<String, Failure> {
        let least = if self.operator { "auditor" } else { "viewer" };
        let role = role.unwrap_or_else(|| least.to_owned());
        let made = session.make(self.at(session, &[])?, json!({ "email": email, "role": role })).await?;
        Ok(made["id"].as_str().unwrap_or_default().to_owned())
    }
}

/// Asks for a link, and shows it.
async fn tell_link(session: &mut Session, path: String) -> Done {
    session.tell(Asked::new(Method::POST, path)).await?;
    eprintln!("The link is shown this once, and works once: give it to nobody but this person.");
    Ok(())
}

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    match verb {
        Verb::List { kind, sorted } => {
            let all = sorted.below(&kind.at(session, &[])?);
            session.list(&all, &COLUMNS, sorted.part).await
        }
        Verb::Show { kind, one } => session.show(kind.at(session, &[&one.id])?).await,
        Verb::Create { kind, person } => {
            let all = kind.at(session, &[])?;
            session.create(all, person.body()?.finish()).await
        }
        Verb::Update { kind, one, person, expected } => {
            let at = kind.at(session, &[&one.id])?;
            session.update(at, person.body()?.finish_change()?, expected.if_version).await
        }
        Verb::Invite { kind, id, email, role } => {
            session.check_base()?;
            let id = match id {
                Some(id) => id,
                None => kind.make(session, email, role).await?,
            };
            tell_link(session, kind.at(session, &[&id, "invite"])?).await
        }
        Verb::Reset { kind, one } => {
            session.check_base()?;
            tell_link(session, kind.at(session, &[&one.id, "reset"])?).await
        }
        Verb::Enable { kind, one } => session.enable(kind.at(session, &[&one.id])?).await,
        Verb::Disable { kind, one } => {
            session.disable(kind.at(session, &[&one.id])?, &format!("the user {}", one.id)).await
        }
    }
}
