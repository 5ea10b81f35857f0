//! Additions to a running world, in a test's words.

use serde_json::Value;
use symbolon_core::client::{Client, ClientSettings};
use symbolon_core::edit;
use symbolon_core::id::OrganizationId;

use super::Bed;

impl Bed {
    /// Brings more into a realm, whose settings stay unless `more` has others; it is what `apply` reads of a realm.
    pub(crate) async fn describe(&self, realm: &str, more: Value) {
        let mut description = more;
        description["id"] = realm.into();
        if description.get("settings").is_none()
            && let Some(known) = self.authority.directory().realm(realm)
        {
            description["settings"] = serde_json::to_value(&known.realm().settings).unwrap();
        }
        self.apply(&serde_json::json!({ "realms": [description] }).to_string()).await;
    }

    /// Makes a client, as a page of the console does; answers it with its first key's id and secret.
    pub(crate) async fn create_client(
        &self,
        realm: &str,
        organization: &str,
        settings: ClientSettings,
    ) -> (Client, String, String) {
        let organization = OrganizationId::new(organization).unwrap();
        let made = self.operator(realm, async |editor| {
            edit::client::create(editor, &organization, settings).await.unwrap()
        });
        let (client, key) = made.await;
        (client, key.key.id.to_string(), key.secret.expose().to_owned())
    }
}
