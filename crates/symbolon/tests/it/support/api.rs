//! The systems' APIs, as far as tokens meet them: a few routes behind the guard, in the same process. The guard
//! knows the keys and revocations that the bed's directory knows, and tells the bed's time.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};
use symbolon_core::clock::Clock as _;
use symbolon_core::directory::Directory;
use symbolon_guard::protocol::jwk::JwkSet;
use symbolon_guard::protocol::revocation::RevocationSet;
use symbolon_guard::{Caller, Guard, GuardLayer, Issuer, Revocations, SharedKeys};
use symbolon_server::axum::extract::{Path, Query};
use symbolon_server::axum::http::{Method, StatusCode};
use symbolon_server::axum::routing::{delete, get};
use symbolon_server::axum::{Json, Router};

use super::{Answer, Bed, Request};

/// An API behind the guard.
pub(crate) struct Api {
    directory: Arc<Directory>,
    realm: String,
    keys: SharedKeys,
    revocations: Revocations,
    app: Router,
}

impl Api {
    /// METI: `/sources`, each account its own.
    pub(crate) fn meti(bed: &Bed) -> Self {
        Self::of(bed, "default", "https://api.meti.io", |layer| {
            let rules = [
                (Method::GET, "read:sources"),
                (Method::POST, "write:sources"),
                (Method::PUT, "write:sources"),
                (Method::DELETE, "delete:sources"),
            ];
            let layer = rules
                .into_iter()
                .fold(layer, |layer, (method, scope)| layer.require_for(method, scope).unwrap());
            Router::new()
                .route("/sources", get(list_sources).post(create_source))
                .route("/sources/{id}", delete(async || StatusCode::NO_CONTENT).put(create_source))
                .layer(layer)
        })
    }

    /// Metafold: the account's usage, its projects and what is beneath them.
    pub(crate) fn metafold(bed: &Bed) -> Self {
        Self::of(bed, "default", "https://api.metafold3d.com", |layer| {
            Router::new()
                .route("/user/usage", get(async || Json(json!({ "projects": 1, "assets": 0, "jobs": 0 }))))
                .route("/projects", get(async || Json(json!([{ "id": "p1", "name": "Bracket" }]))))
                .route("/projects/{id}", get(async |Path(id): Path<String>| Json(json!({ "id": id }))))
                .route("/projects/{id}/{beneath}", get(async || Json(json!([]))))
                .layer(layer.require("read:projects").unwrap())
        })
    }

    /// ecoinvent: the versions of its database.
    pub(crate) fn ecoinvent(bed: &Bed) -> Self {
        Self::of(bed, "ecoinvent", "https://api.ecoinvent.org", |layer| {
            Router::new()
                .route("/v0/versions", get(async || Json(json!(["3.10", "3.11"]))))
                .layer(layer.require("read:versions").unwrap())
        })
    }

    /// m3ter: collections of an organization, which its own service users alone may see.
    pub(crate) fn m3ter(bed: &Bed) -> Self {
        Self::of(bed, "default", "https://api.m3ter.com", |layer| {
            Router::new()
                .route("/organizations/{organization}/products", get(list_products))
                .layer(layer.require("config:read").unwrap())
        })
    }

    /// Any API: one audience of one realm.
    pub(crate) fn of(
        bed: &Bed,
        realm: &str,
        audience: &str,
        routes: impl FnOnce(GuardLayer) -> Router,
    ) -> Self {
        let directory = Arc::clone(bed.authority.directory());
        let (keys, revocations) = (SharedKeys::default(), Revocations::new());
        let issuer = directory.realm(realm).unwrap().issuer().to_owned();
        let clock = Arc::clone(&bed.clock);
        let guard = Guard::builder()
            .issuer(Issuer::new(issuer, keys.clone()).revocations(revocations.clone()))
            .audience(audience)
            .clock(move || clock.now().millis())
            .build()
            .unwrap();
        Self { directory, realm: realm.to_owned(), keys, revocations, app: routes(guard.layer()) }
    }

    /// Sends a request, to a guard that knows what the directory knows now.
    pub(crate) async fn send(&self, request: Request) -> Answer {
        let realm = self.directory.realm(&self.realm).unwrap();
        self.keys.publish(JwkSet::clone(realm.jwks()));
        self.revocations.publish(RevocationSet::clone(realm.revocations()));
        request.send_to(self.app.clone()).await
    }

    /// Gets a path with a token.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Request::get(path).bearer(token)).await
    }
}

/// The sources of the caller's account, perhaps of one methodology alone.
async fn list_sources(caller: Caller, Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    const SOURCES: [(&str, &str, &str); 3] = [
        ("custodian", "Wheat", "Agriculture"),
        ("custodian", "Oak", "Forestry"),
        ("rival", "Barley", "Agriculture"),
    ];
    let account = caller.claim("https://api.meti.io/account_id").and_then(Value::as_str);
    let wanted = query.get("methodology");
    let sources = SOURCES
        .into_iter()
        .filter(|(owner, _, methodology)| {
            account == Some(*owner) && wanted.is_none_or(|wanted| wanted == methodology)
        })
        .map(|(_, name, methodology)| json!({ "name": name, "methodology": methodology }));
    Json(sources.collect())
}

async fn create_source(Json(source): Json<Value>) -> (StatusCode, Json<Value>) {
    (StatusCode::CREATED, Json(source))
}

async fn list_products(caller: Caller, Path(organization): Path<String>) -> (StatusCode, Json<Value>) {
    if caller.organization() == Some(&organization) {
        (StatusCode::OK, Json(json!({ "data": [{ "name": "Metering" }], "nextToken": null })))
    } else {
        (StatusCode::NOT_FOUND, Json(json!({ "message": "no such organization" })))
    }
}
