//! Changes to realms.

use std::sync::Arc;

use symbolon_protocol::revocation::Kind;

use crate::audit::{Subject, SubjectKind};
use crate::authority::Authority;
use crate::directory::DirectorySettings;
use crate::edit::{EditError, Editor};
use crate::quota::Quota;
use crate::realm::{Realm, RealmSettings};
use crate::realm_view::RealmView;
use crate::resource_server::comparable;

/// Adds a realm, with its first signing keys.
pub async fn insert(editor: Editor<'_>, realm: &Realm) -> Result<(), EditError> {
    check(realm)?;
    check_addresses(editor.authority, None, realm)?;
    let realm = &Realm { longest_lifetime: realm.settings.maximum_lifetime, ..realm.clone() };
    let change =
        editor.change("create", Subject::new(SubjectKind::Realm, realm.id.as_str()), None, Some(realm));
    editor.store().insert_realm(realm, &change).await?;
    editor.done().await?;
    crate::rotation::make_missing_keys(editor.authority, &realm.id).await
}

/// Changes a realm. Switching it off kills all its tokens.
pub async fn update(editor: Editor<'_>, before: &Realm, after: &Realm) -> Result<(), EditError> {
    check(after)?;
    check_addresses(editor.authority, Some(before), after)?;
    let longest_lifetime =
        before.longest_lifetime.max(before.settings.maximum_lifetime).max(after.settings.maximum_lifetime);
    let after = Realm { longest_lifetime, version: before.version + 1, ..after.clone() };
    let subject = Subject::new(SubjectKind::Realm, after.id.as_str());
    let mut change = editor.change("update", subject, Some(before), Some(&after));
    change.revocations = editor.status_revocation(Kind::Realm, "", (before.status, after.status))?;
    editor.store().update_realm(&after, &change).await?;
    editor.done().await?;
    crate::rotation::make_missing_keys(editor.authority, &after.id).await
}

/// Checks a realm by itself.
pub(crate) fn check(realm: &Realm) -> Result<(), EditError> {
    let RealmSettings { default_lifetime, maximum_lifetime, hosts, issuer, password_tokens, .. } =
        &realm.settings;
    // It stands as a segment in URLs, issuers among them.
    if !realm.id.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
    {
        return Err(EditError::Invalid(format!(
            "{:?} cannot name a realm: use letters, digits, - . _ ~",
            realm.id
        )));
    }
    check_lifetime(*default_lifetime)?;
    check_lifetime(*maximum_lifetime)?;
    if let Some(password_tokens) = password_tokens {
        check_lifetime(password_tokens.lifetime)?;
    }
    Quota::check(realm.settings.quota)?;
    if !(0..=LONGEST_SILENCE).contains(&realm.settings.safe_to_retire_days) {
        return Err(EditError::Invalid(format!("safe_to_retire_days is 0 to {LONGEST_SILENCE}")));
    }
    if let Some(bad) = realm.settings.token_type.as_ref().filter(|kind| !is_media_type(kind)) {
        return Err(EditError::Invalid(format!(
            "{bad:?} cannot be the `typ` of a token: use one such as at+jwt"
        )));
    }
    let is_host = |host: &String| {
        !host.is_empty()
            && host.len() <= 253
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
            && !host.ends_with('.')
    };
    if let Some(bad) = hosts.iter().find(|host| !is_host(host)) {
        return Err(EditError::Invalid(format!(
            "{bad:?} is not a host name: leave out scheme, port, path and final dot"
        )));
    }
    match issuer {
        Some(issuer) if symbolon_protocol::metadata::well_known(issuer, "").is_none() => {
            Err(EditError::Invalid(format!("the issuer {issuer:?} is not an http(s) URL")))
        }
        _ => Ok(()),
    }
}

/// Checks a realm's addresses beside those of all others: whoever answers where an issuer is looked for publishes the
/// keys that its tokens are verified by. Addresses that stay as they are were checked when they came.
pub(crate) fn check_addresses(
    authority: &Authority,
    before: Option<&Realm>,
    after: &Realm,
) -> Result<(), EditError> {
    let directory = authority.directory();
    let DirectorySettings { base, default_realm, .. } = directory.settings();
    let is_default = after.id == *default_realm;
    let issuer = after.issuer(base, is_default);
    let is_same = |before: &Realm| {
        before.settings.hosts == after.settings.hosts && before.issuer(base, is_default) == issuer
    };
    if before.is_some_and(is_same) {
        return Ok(());
    }
    let own = host_of(base);
    if !is_default && after.settings.hosts.iter().any(|host| host.eq_ignore_ascii_case(own)) {
        return Err(EditError::Invalid(format!(
            "{own} is the address of the whole installation, where the realm {default_realm} answers: it cannot be \
             among the hosts of another realm"
        )));
    }
    let same =
        |other: &Arc<RealmView>| *other.id() != after.id && comparable(other.issuer()) == comparable(&issuer);
    // Whose it is, is nothing for the operators of one realm alone.
    if (!is_default && comparable(&issuer) == base) || directory.realms().iter().any(same) {
        return Err(EditError::Invalid(format!(
            "the issuer {issuer:?} is another realm's: each realm has one of its own"
        )));
    }
    Ok(())
}

/// The host name of an address, as `hosts` has it: without port.
fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Days of silence that may be asked for: ten years, beyond which a number is a mistake.
const LONGEST_SILENCE: i64 = 3650;

/// The characters of media types (RFC 6838 §4.2), of which `typ` is one.
fn is_media_type(text: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&b);
    (1..=127).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// The longest life that may be set anywhere, in seconds: ten years, beyond which a number is a mistake.
pub(crate) const LONGEST_LIFETIME: i64 = 10 * 365 * 86_400;

/// Checks a lifetime.
pub(crate) fn check_lifetime(seconds: i64) -> Result<(), EditError> {
    if (1..=LONGEST_LIFETIME).contains(&seconds) {
        Ok(())
    } else {
        Err(EditError::Invalid(format!("a lifetime is 1 to {LONGEST_LIFETIME} seconds, not {seconds}")))
    }
}
