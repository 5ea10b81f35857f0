//! What can be switched off, in a world where one client's and one user's tokens hang on all of it.

use std::time::Duration;

use symbolon_core::access_key::KeyStatus;
use symbolon_core::clock::Timestamp;
use symbolon_core::edit::licence;
use symbolon_core::id::{ClientId, LicenceId, OrganizationId};
use symbolon_core::licence::{Licence, LicenceKind};
use symbolon_core::realm::Status;

use super::{Bed, Request, Way, secrets};

/// The API of the tokens.
pub(crate) const API: &str = "https://api.meti.io";
/// The client whose tokens hang on everything.
pub(crate) const HOLDER: (&str, &str) = ("meti", secrets::METI);
/// A client of another customer that may introspect them.
pub(crate) const INTROSPECTOR: (&str, &str) = ("metafold", secrets::METAFOLD);

/// Something that can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    /// The realm `default`.
    Realm,
    /// The organization `custodian`.
    Organization,
    /// Its licence for the API.
    Licence,
    /// The client.
    Client,
    /// The client's access key.
    AccessKey,
    /// The user.
    User,
}

impl Switch {
    /// All of them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Realm, Self::Organization, Self::Licence, Self::Client, Self::AccessKey, Self::User];

    /// Whether the client's tokens hang on it.
    pub(crate) fn concerns_client(self) -> bool {
        self != Self::User
    }

    /// Whether the user's tokens hang on it.
    pub(crate) fn concerns_user(self) -> bool {
        !matches!(self, Self::Client | Self::AccessKey)
    }
}

impl Bed {
    /// The world with a licence for the API, which now needs one, and with an introspector.
    pub(crate) async fn start_with_switches() -> Self {
        let bed = Self::start().await;
        bed.change_server("default", API, |server| {
            server.settings.requires_licence = true;
            server.settings.introspectors = vec![ClientId::new(INTROSPECTOR.0).unwrap()];
        })
        .await;
        bed.add_licence("default", "custodian", API, LicenceKind::Full, None).await;
        // What was issued before the API needed licences is dead, up to this very millisecond.
        bed.advance(Duration::from_millis(1)).await;
        bed
    }

    /// Gives an organization a licence from the year 2026 on.
    pub(crate) async fn add_licence(
        &self,
        realm: &str,
        organization: &str,
        audience: &str,
        kind: LicenceKind,
        ends_at: Option<Timestamp>,
    ) {
        let licence = Licence {
            id: LicenceId::generate(self.authority.now(), self.authority.random()).unwrap(),
            organization: OrganizationId::new(organization).unwrap(),
            audience: audience.to_owned(),
            kind,
            starts_at: Timestamp::parse("2026-01-01").unwrap(),
            ends_at,
            status: Status::Active,
            version: 1,
            created_at: self.authority.now(),
        };
        self.operator(realm, async |editor| licence::insert(editor, &licence).await.unwrap()).await;
    }

    /// Switches something on or off.
    pub(crate) async fn turn(&self, switch: Switch, status: Status) {
        match switch {
            Switch::Realm => self.change_realm("default", |one| one.status = status).await,
            Switch::Organization => {
                self.change_organization("default", "custodian", |one| one.status = status).await;
            }
            Switch::Licence => self.change_licence("default", "custodian", |one| one.status = status).await,
            Switch::Client => self.change_client("default", "meti", |one| one.status = status).await,
            Switch::AccessKey => {
                let status = if status.is_active() { KeyStatus::Active } else { KeyStatus::Inactive };
                self.change_key("default", "meti-key", |one| one.status = status).await;
            }
            Switch::User => {
                self.change_user("default", "dev@custodian.example", |one| one.status = status).await;
            }
        }
    }

    /// The v1 request of the user whose tokens hang on everything.
    pub(crate) fn sign_in() -> Request {
        let body = serde_json::json!({ "email": "dev@custodian.example", "password": secrets::PASSWORD });
        Request::post("/token").json(&body)
    }

    /// A v1 token of that user.
    pub(crate) async fn user_token(&self) -> String {
        let answer = self.send(Self::sign_in()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["token"].as_str().unwrap().to_owned()
    }

    /// A token of that client.
    pub(crate) async fn client_token(&self) -> String {
        self.access_token("/oauth/token", HOLDER.0, HOLDER.1).await
    }

    /// Whether the introspector is told that a token lives. Anything but a live token must be one answer.
    pub(crate) async fn lives(&self, token: &str) -> bool {
        let request = Way::Form.request("/oauth/introspect", INTROSPECTOR, &[("token", token)]);
        let answer = self.send(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let active = answer.body["active"] == true;
        assert!(active || answer.text == r#"{"active":false}"#, "{answer:?}");
        active
    }
}
