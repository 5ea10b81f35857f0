//! Who a refused request said that it was: which of its readings counts, and what of it may be written down.
//!
//! Whoever confuses two fields sends a secret where an id belongs, and records are read by many. So an id is kept whole
//! where a client or a key has it, and else only how it begins; and a user is kept only by what is an email.

use std::sync::Arc;

use symbolon_protocol::secret_format;

use crate::directory::Directory;
use crate::id::RealmId;
use crate::store::ClientWithKeys;
use crate::user::{comparable_email, is_email};

/// The most characters of an id that nobody has.
const SHOWN: usize = 8;

/// Who a request said that it was; nothing of it is proven.
#[derive(Clone, Copy)]
pub enum Named<'a> {
    /// A client, by its id or that of a key: every reading of it, the one to be kept in doubt last. May be none.
    Client(&'a [String]),
    /// A user, by what stands where its email belongs. May be empty.
    User(&'a str),
}

/// What is kept of it.
pub(crate) struct Kept {
    /// What may be shown.
    pub(crate) text: Option<String>,
    /// The id and the client that has it or whose key does, if there is one.
    pub(crate) known: Option<(String, Arc<ClientWithKeys>)>,
}

impl Named<'_> {
    pub(crate) fn kept(self, directory: &Directory, realm: &RealmId) -> Kept {
        match self {
            Self::Client(ids) => match meant(directory, realm, ids.iter().map(String::as_str)) {
                Some((id, Some(client))) => {
                    Kept { text: Some(id.to_owned()), known: Some((id.to_owned(), client)) }
                }
                Some((id, None)) => Kept { text: Some(beginning(id)), known: None },
                None => Kept { text: None, known: None },
            },
            Self::User(email) => {
                let email = Some(comparable_email(email)).filter(|email| is_email(email));
                let text = email.map(|email| secret_format::without_secrets(&email).into_owned());
                Kept { text, known: None }
            }
        }
    }
}

/// The reading that names a client, else the last one. Authentication has just looked for them; nobody's word alone is
/// worth a look into the database.
pub(crate) fn meant<'a>(
    directory: &Directory,
    realm: &RealmId,
    ids: impl Iterator<Item = &'a str>,
) -> Option<(&'a str, Option<Arc<ClientWithKeys>>)> {
    let mut last = None;
    for id in ids {
        if let Some(known) = directory.cached_client(realm, id) {
            return Some((id, Some(known)));
        }
        last = Some((id, None));
    }
    last
}

/// How an id begins that nobody has: enough to see what was confused, too little of a secret from elsewhere. One of
/// ours tells its key.
fn beginning(id: &str) -> String {
    if let Some(secret) = secret_format::find(id.as_bytes()).next().and_then(|range| id.get(range)) {
        return secret_format::masked(secret).chars().take(255).collect();
    }
    let shown = SHOWN.min(id.chars().count() / 3);
    id.chars().take(shown).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_id_that_nobody_has_a_third_is_shown_and_never_more_than_eight_characters() {
        for (id, shown) in [
            ("", "…"),
            ("ab", "…"),
            ("hunter2", "hu…"),
            ("acme-reader-9", "acme…"),
            ("8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60", "8f14e45f…"),
            ("ümläut-öäü", "üml…"),
        ] {
            assert_eq!(beginning(id), shown);
        }
        let secret = secret_format::encode(secret_format::ACCESS_KEY, "key_1", &[7; 32]);
        for id in [secret.to_string(), format!("my {}!", &*secret)] {
            assert_eq!(beginning(&id), "sym_sk_key_1_********");
        }
        assert_eq!(beginning(&secret[..secret.len() - 1]), "sym_sk_k…");
    }
}
