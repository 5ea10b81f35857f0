//! What an operator does to the world, in the words of a test: every change goes through the same functions as
//! the console's and the command line's.

use symbolon_core::access_key::AccessKey;
use symbolon_core::client::Client;
use symbolon_core::edit::{access_key, client, licence, organization, realm, resource_server, user};
use symbolon_core::id::{OrganizationId, RealmId};
use symbolon_core::licence::Licence;
use symbolon_core::organization::Organization;
use symbolon_core::realm::Realm;
use symbolon_core::record::{RefusalRecord, TokenRecord};
use symbolon_core::resource_server::ResourceServer;
use symbolon_core::store::{ClientWithKeys, Store};
use symbolon_core::user::User;

use super::{Answer, Bed};

/// A realm's name, known to be one.
pub(crate) fn realm_id(name: &str) -> RealmId {
    RealmId::new(name).unwrap()
}

/// Changes one thing, as it is stored now.
fn changed<T: Clone>(before: &T, change: impl FnOnce(&mut T)) -> T {
    let mut after = before.clone();
    change(&mut after);
    after
}

impl Bed {
    /// The store, to look at what is kept.
    pub(crate) fn store(&self) -> &dyn Store {
        &**self.authority.store()
    }

    /// Now, in epoch seconds.
    pub(crate) fn clock_seconds(&self) -> i64 {
        self.authority.now().seconds()
    }

    /// A client with its keys, by its own id or one of a key.
    pub(crate) async fn find_client(&self, realm: &str, credential: &str) -> ClientWithKeys {
        self.store().find_credential(&realm_id(realm), credential).await.unwrap().unwrap()
    }

    /// A key by its id.
    pub(crate) async fn find_key(&self, realm: &str, id: &str) -> AccessKey {
        let known = self.find_client(realm, id).await;
        known.keys.into_iter().find(|key| key.id.as_str() == id).unwrap()
    }

    /// Changes a realm.
    pub(crate) async fn change_realm(&self, realm: &str, change: impl FnOnce(&mut Realm)) {
        let before = self.store().list_realms().await.unwrap();
        let before = before.into_iter().find(|known| known.id.as_str() == realm).unwrap();
        let after = changed(&before, change);
        self.operator(realm, async |editor| realm::update(editor, &before, &after).await.unwrap()).await;
    }

    /// Changes a resource server.
    pub(crate) async fn change_server(
        &self,
        realm: &str,
        id: &str,
        change: impl FnOnce(&mut ResourceServer),
    ) {
        let before = self.store().list_resource_servers(&realm_id(realm)).await.unwrap();
        let before = before.into_iter().find(|known| known.identifier == id).unwrap();
        let after = changed(&before, change);
        self.operator(realm, async |editor| resource_server::update(editor, &before, &after).await.unwrap())
            .await;
    }

    /// Changes an organization.
    pub(crate) async fn change_organization(
        &self,
        realm: &str,
        id: &str,
        change: impl FnOnce(&mut Organization),
    ) {
        let id = OrganizationId::new(id).unwrap();
        let before = self.store().find_organization(&realm_id(realm), &id).await.unwrap().unwrap();
        let after = changed(&before, change);
        self.operator(realm, async |editor| organization::update(editor, &before, &after).await.unwrap())
            .await;
    }

    /// The licences of an organization.
    pub(crate) async fn licences(&self, realm: &str, organization: &str) -> Vec<Licence> {
        let organization = OrganizationId::new(organization).unwrap();
        self.store().list_licences(&realm_id(realm), &organization).await.unwrap()
    }

    /// Changes the first licence of an organization.
    pub(crate) async fn change_licence(
        &self,
        realm: &str,
        organization: &str,
        change: impl FnOnce(&mut Licence),
    ) {
        let before = self.licences(realm, organization).await.remove(0);
        let after = changed(&before, change);
        self.operator(realm, async |editor| licence::update(editor, &before, &after).await.unwrap()).await;
    }

    /// Changes a client.
    pub(crate) async fn change_client(&self, realm: &str, id: &str, change: impl FnOnce(&mut Client)) {
        let before = self.find_client(realm, id).await.client;
        let after = changed(&before, change);
        self.operator(realm, async |editor| client::update(editor, &before, &after).await.unwrap()).await;
    }

    /// Deletes a client with its keys.
    pub(crate) async fn delete_client(&self, realm: &str, id: &str) {
        let known = self.find_client(realm, id).await;
        self.operator(realm, async |editor| {
            client::delete(editor, &known.client, &known.keys).await.unwrap();
        })
        .await;
    }

    /// Changes an access key.
    pub(crate) async fn change_key(&self, realm: &str, id: &str, change: impl FnOnce(&mut AccessKey)) {
        let before = self.find_key(realm, id).await;
        let after = changed(&before, change);
        self.operator(realm, async |editor| access_key::update(editor, &before, &after).await.unwrap()).await;
    }

    /// Changes a user.
    pub(crate) async fn change_user(&self, realm: &str, email: &str, change: impl FnOnce(&mut User)) {
        let before = self.store().find_user_by_email(&realm_id(realm), email).await.unwrap().unwrap();
        let after = changed(&before, change);
        self.operator(realm, async |editor| user::update(editor, &before, &after).await.unwrap()).await;
    }

    /// The refusal that is kept of a request; it is written beside the answer, so it may take a moment.
    pub(crate) async fn refusal(&self, answer: &Answer) -> RefusalRecord {
        let request_id = answer.header("x-request-id").to_owned();
        loop {
            let mut found = self.store().find_refusals_by_request(&request_id).await.unwrap();
            if let Some(record) = found.pop() {
                return record;
            }
            tokio::task::yield_now().await;
        }
    }

    /// The token that is recorded of a request.
    pub(crate) async fn recorded(&self, answer: &Answer) -> TokenRecord {
        let found = self.store().find_tokens_by_request(answer.header("x-request-id")).await.unwrap();
        assert_eq!(found.len(), 1, "{answer:?}");
        found.into_iter().next().unwrap()
    }
}
