//! Who manages in these tests: a realm with an operators' organization, and customers with clients of every role.

use serde_json::{Value, json};
use symbolon_core::id::OrganizationId;
use symbolon_core::permission::{AUDIENCE, Permissions};
use symbolon_core::user::{MemberRole, OperatorRole};
use symbolon_server::axum::http::Method;

use crate::support::{Answer, Bed, Request};

/// The secret of everybody here.
pub(super) const SECRET: &str = "office-secret-1234567890";

/// Whoever calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// No token.
    Anonymous,
    /// A token for another API.
    Stranger,
    /// An operator who may do everything.
    Owner,
    /// An operator who may do everything but make operators.
    Admin,
    /// An operator who reads.
    Auditor,
    /// The administrator of the customer "custodian".
    CustomerAdmin,
    /// A developer of that customer.
    CustomerDeveloper,
    /// Somebody who looks, there.
    CustomerViewer,
    /// The administrator of another customer.
    OtherCustomer,
    /// A client that the policy Administrator was given.
    EverythingEverywhere,
}

impl Role {
    /// Everybody.
    pub(super) const ALL: [Self; 10] = [
        Self::Anonymous,
        Self::Stranger,
        Self::Owner,
        Self::Admin,
        Self::Auditor,
        Self::CustomerAdmin,
        Self::CustomerDeveloper,
        Self::CustomerViewer,
        Self::OtherCustomer,
        Self::EverythingEverywhere,
    ];

    fn place(self) -> Option<(&'static str, &'static str, Permissions)> {
        Some(match self {
            Self::Anonymous | Self::Stranger | Self::EverythingEverywhere => return None,
            Self::Owner => ("staff", "owner", Permissions::of_operator(OperatorRole::Owner)),
            Self::Admin => ("staff", "staff-admin", Permissions::of_operator(OperatorRole::Admin)),
            Self::Auditor => ("staff", "auditor", Permissions::of_operator(OperatorRole::Auditor)),
            Self::CustomerAdmin => ("custodian", "cus-admin", Permissions::of_member(MemberRole::Admin)),
            Self::CustomerDeveloper => {
                ("custodian", "cus-developer", Permissions::of_member(MemberRole::Developer))
            }
            Self::CustomerViewer => ("custodian", "cus-viewer", Permissions::of_member(MemberRole::Viewer)),
            // Scopes that only operators may use reach nothing in a customer's hands.
            Self::OtherCustomer => {
                ("metafold-customer", "other-admin", Permissions::of_operator(OperatorRole::Owner))
            }
        })
    }
}

/// A world with these people in it.
pub(super) struct Office {
    /// The world.
    pub(super) bed: Bed,
}

impl Office {
    /// Lets everybody in.
    pub(super) async fn open() -> Self {
        let bed = Bed::start().await;
        let organization = |id: &str| {
            let people = Role::ALL.iter().filter_map(|role| role.place()).filter(|(place, ..)| *place == id);
            let clients: Vec<Value> = people
                .map(|(_, client, permissions)| {
                    json!({"id": client, "settings": {"grants": [{"audience": AUDIENCE, "scopes": permissions.scopes()}]},
                        "access_keys": [{"id": format!("{client}-key"), "secret": SECRET}]})
                })
                .collect();
            json!({"id": id, "clients": clients})
        };
        let organizations: Vec<Value> = ["staff", "custodian", "metafold-customer"].map(organization).into();
        let mut settings = bed.authority.directory().realm("default").unwrap().realm().settings.clone();
        settings.operators = Some(OrganizationId::new("staff").unwrap());
        let realm = json!({"id": "default", "settings": settings, "organizations": organizations});
        bed.apply(&json!({"realms": [realm]}).to_string()).await;
        Self { bed }
    }

    /// The token of a role.
    pub(super) async fn token(&self, role: Role) -> Option<String> {
        let (id, secret, audience) = match role {
            Role::Anonymous => return None,
            Role::Stranger => ("meti", crate::support::secrets::METI, "https://api.meti.io"),
            Role::EverythingEverywhere => {
                ("m3ter-user", crate::support::secrets::M3TER, "https://api.m3ter.com")
            }
            role => (role.place().unwrap().1, SECRET, AUDIENCE),
        };
        let pairs = [("grant_type", "client_credentials"), ("audience", audience)];
        let answer = self.bed.send(Request::post("/oauth/token").basic(id, secret).form(&pairs)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Some(answer.body["access_token"].as_str().unwrap().to_owned())
    }

    /// Sends something as somebody.
    pub(super) async fn send(&self, role: Role, request: Request) -> Answer {
        match self.token(role).await {
            Some(token) => self.bed.send(request.bearer(&token)).await,
            None => self.bed.send(request).await,
        }
    }

    /// Does something as the owner, below the default realm.
    pub(super) async fn owner(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.ask(Role::Owner, method, path, body).await
    }

    /// Does something as somebody, below the default realm.
    pub(super) async fn ask(&self, role: Role, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = Request::new(method, &format!("/api/v1/realms/default{path}"));
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        self.send(role, request).await
    }
}

/// Asserts that an answer is a problem of that kind, in the one form that problems have.
#[track_caller]
pub(super) fn is_problem(answer: &Answer, status: u16, kind: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.body["type"], format!("urn:symbolon:problem:{kind}"), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.body["status"], status);
    assert_eq!(answer.body["request_id"], answer.header("x-request-id"));
    for member in ["title", "detail"] {
        assert!(!answer.body[member].as_str().unwrap().is_empty(), "{answer:?}");
    }
}
