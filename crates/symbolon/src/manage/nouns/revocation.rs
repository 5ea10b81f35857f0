//! `symbolon revocation`

use clap::{Subcommand, ValueEnum};
use serde_json::json;
use symbolon_server::axum::http::Method;

use crate::manage::failure::Done;
use crate::manage::options::Part;
use crate::manage::render::value::{Column, Reads};
use crate::manage::session::Session;
use crate::manage::transport::Asked;

const COLUMNS: [Column; 3] = [
    Column::plain("KIND", "/kind"),
    Column::plain("ID", "/id"),
    Column::new("ISSUED BEFORE", "/before", Reads::Time),
];

/// What can be done with revocations.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The revocations in force. Without a time all tokens of a thing are dead, for as long as it is off.
    List(Part),
    /// Kill all tokens that were issued up to now; no guard takes them a second later.
    Create {
        /// Whose tokens.
        #[arg(value_enum, value_name = "KIND")]
        kind: Kind,
        /// The id; of one token, its `jti`.
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// Whose tokens are revoked.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Kind {
    /// Everybody's.
    Realm,
    /// Those of an organization.
    Organization,
    /// Those of a client.
    Client,
    /// Those that an access key got.
    AccessKey,
    /// Those of a user.
    User,
    /// One.
    Token,
}

impl Kind {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Realm => ("realm", "all tokens of the realm"),
            Self::Organization => ("organization", "all tokens of the organization"),
            Self::Client => ("client", "all tokens of the client"),
            Self::AccessKey => ("access_key", "all tokens of the access key"),
            Self::User => ("user", "all tokens of the user"),
            Self::Token => ("token", "the token"),
        }
    }
}

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    match verb {
        Verb::List(part) => {
            let all = session.in_realm(&["revocations"])?;
            session.list(&all, &COLUMNS, part).await
        }
        Verb::Create { kind, id } => {
            let (name, what) = kind.names();
            // Customers revoke within their own organization, which their profile names.
            let path = match kind {
                Kind::Realm => session.in_realm(&["revocations"])?,
                _ if session.has_organization() => session.in_organization(&["revocations"])?,
                _ => session.in_realm(&["revocations"])?,
            };
            session.confirm(&format!("Revoke {what} {id}? They are dead at once."))?;
            let body = Some(json!({"kind": name, "id": id}));
            session
                .perform(Asked { body, ..Asked::new(Method::POST, path) }, &format!("Revoked {what} {id}."))
                .await
        }
    }
}
