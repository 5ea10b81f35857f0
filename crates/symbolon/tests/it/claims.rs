//! The claims that a resource server adds of its own: by expressions, and as a preview shows them.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod expressions;
mod preview;

use serde_json::Value;
use symbolon_core::claim_map::ClaimRule;

use crate::support::Bed;

/// The API of METI v2.
const METI: &str = "https://api.meti.io";

/// A rule as the management API and description files write it.
fn rule(written: &Value) -> ClaimRule {
    serde_json::from_value(written.clone()).unwrap()
}

/// Gives an API claims, each as it is written, beside those that it has.
async fn set_claims(bed: &Bed, realm: &str, api: &str, claims: &[(&str, Value)]) {
    bed.change_server(realm, api, |server| {
        for (name, written) in claims {
            server.settings.claims.insert((*name).to_owned(), rule(written));
        }
    })
    .await;
}
