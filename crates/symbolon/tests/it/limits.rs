//! What limits promise (docs/limits.md): quotas of tokens, the reuse window, back-off of whole networks, the memory of
//! ids that do not exist, and the rate of the management API's callers.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod quotas;
mod reuse;
mod reuse_ends;
mod spraying;
mod unknown_ids;

use crate::support::{Answer, Bed, Way, secrets};

/// A client whose tokens are cheap to sign.
const PLAIN: (&str, &str) = ("plain-client", secrets::PLAIN);
const PATH: &str = "/realms/plain/oauth/token";
const API: &str = "https://api.plain.example";

/// Asks for a token of the plain client.
async fn ask(bed: &Bed) -> Answer {
    bed.send(Way::Form.token(PATH, PLAIN, &[])).await
}

/// The id of the token in an answer, which must have one.
#[track_caller]
fn jti(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.claims()["jti"].as_str().unwrap().to_owned()
}
