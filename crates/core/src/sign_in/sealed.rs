//! What goes to a browser between two steps and comes back with the second: sealed, so that it can neither be read nor
//! made there, and bound to its realm and to what it is for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::authority::Authority;
use crate::id::RealmId;
use crate::refusal::Reason;
use crate::seal::Sealed;
use crate::secret::Secret;

/// Longer texts are none of ours, in bytes.
const LONGEST: usize = 8 * 1024;

fn context(what: &str, realm: &RealmId) -> String {
    format!("console, {what}, realm {realm}")
}

/// Seals what is to come back, for one purpose.
pub(crate) fn close<T: Serialize>(
    authority: &Authority,
    what: &str,
    realm: &RealmId,
    state: &T,
) -> Result<Secret, Reason> {
    let plain = serde_json::to_vec(state).map_err(|_| Reason::SigningFailed)?;
    let plain = Zeroizing::new(plain);
    let sealed = authority.master_keys.seal(&plain, &context(what, realm), authority.random());
    let sealed = sealed.ok().and_then(|sealed| serde_json::to_vec(&sealed).ok());
    Ok(Secret::new(BASE64URL.encode(sealed.ok_or(Reason::SigningFailed)?)))
}

/// Opens what came back, if it was sealed here for that purpose in that realm.
pub(crate) fn open<T: DeserializeOwned>(
    authority: &Authority,
    what: &str,
    realm: &RealmId,
    text: &str,
) -> Option<T> {
    if text.len() > LONGEST {
        return None;
    }
    let sealed: Sealed = serde_json::from_slice(&BASE64URL.decode(text).ok()?).ok()?;
    let plain = authority.master_keys.open(&sealed, &context(what, realm)).ok()?;
    serde_json::from_slice(&plain).ok()
}
