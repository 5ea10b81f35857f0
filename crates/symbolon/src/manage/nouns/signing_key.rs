//! `symbolon signing-key`

use clap::Subcommand;
use serde_json::json;
use symbolon_server::axum::http::Method;

use crate::manage::failure::Done;
use crate::manage::options::Part;
use crate::manage::render::value::{Column, Reads};
use crate::manage::session::Session;
use crate::manage::transport::Asked;

const COLUMNS: [Column; 6] = [
    Column::plain("KID", "/kid"),
    Column::plain("ALGORITHM", "/algorithm"),
    Column::plain("STATE", "/state"),
    Column::new("PUBLISHED", "/published_at", Reads::Time),
    Column::new("SIGNS SINCE", "/active_at", Reads::Time),
    Column::new("RETIRED", "/retired_at", Reads::Time),
];

/// What can be done with signing keys.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The realm's signing keys.
    List(Part),
    /// Publish the next key of an algorithm now; it signs as soon as every verifier knows it.
    Rotate {
        /// The algorithm, as JOSE names it: ES256, RS256, EdDSA.
        #[arg(long, value_name = "NAME")]
        algorithm: String,
    },
    /// Replace a key that may be known to somebody else: all tokens that it signed are dead at once.
    Replace {
        /// The key.
        #[arg(value_name = "KID")]
        kid: String,
    },
}

/// Runs a verb.
pub async fn run(verb: Verb, session: &mut Session) -> Done {
    match verb {
        Verb::List(part) => {
            let all = session.in_realm(&["signing-keys"])?;
            session.list(&all, &COLUMNS, part).await
        }
        Verb::Rotate { algorithm } => {
            let path = session.in_realm(&["signing-keys", "rotate"])?;
            let body = Some(json!({"algorithm": algorithm}));
            session.tell_list(Asked { body, ..Asked::new(Method::POST, path) }, &COLUMNS).await
        }
        Verb::Replace { kid } => {
            let path = session.in_realm(&["signing-keys", &kid, "replace"])?;
            session.confirm(&format!(
                "Replace the signing key {kid}? Every token that it signed is dead at once."
            ))?;
            let done = format!("Replaced the signing key {kid}; another one signs.");
            session.perform(Asked::new(Method::POST, path), &done).await
        }
    }
}
