//! A secret, shown this once: in the answer to the form that made it, and nowhere else.

use askama::Template;
use symbolon_core::edit::access_key::NewKey;
use symbolon_core::realm::Vocabulary;

use crate::console::customer::room::Room;
use crate::console::customer::shown::Copyable;
use crate::console::texts::Texts;

/// The dialog with what was made.
#[derive(Template)]
#[template(path = "customer/made.html")]
pub(super) struct Made {
    pub(super) t: Texts,
    pub(super) title: String,
    pub(super) fields: Vec<Copyable>,
    /// Where a token can be got with it at once.
    pub(super) try_to: String,
    pub(super) secret: String,
    /// The page that comes after it.
    pub(super) close: String,
}

impl Made {
    /// Shows a new key of a client.
    pub(super) fn of(room: &Room<'_>, title: String, new: &NewKey, close: String) -> Self {
        let t = room.t;
        let key = &new.key;
        let secret = new.secret.expose().to_owned();
        let mut fields =
            vec![Copyable::new("made-organization", t.of("made-organization"), &key.organization)];
        // Who speaks of service users authenticates with the key's id; everybody else with the client's.
        if room.view().realm().settings.vocabulary == Vocabulary::Oauth {
            fields.push(Copyable::new("made-client", t.of("made-client"), &key.client));
        }
        fields.push(Copyable::new("made-key", t.of("made-key"), &key.id));
        fields.push(Copyable::new("made-secret", t.of("made-secret"), &secret));
        let try_to = room.to_client(&key.client, &["try"]);
        Self { t, title, fields, try_to, secret, close }
    }
}
