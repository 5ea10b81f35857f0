//! Everything of a realm or an organization as a stream, in constant memory: for backups of what is configured, for other
//! programs, and for whoever wants to leave. Secrets are not in it, nor their hashes. It comes in lines as this API shows
//! things, or in the words of a description, which can be applied elsewhere.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use symbolon_core::export::{Export, NotYaml, YamlWriter};
use symbolon_core::id::{OrganizationId, RealmId};
use symbolon_core::organization::Organization;
use symbolon_core::permission::Permission;
use symbolon_core::realm_view::RealmView;
use symbolon_core::store::{PageRequest, Store, StoreError};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::manage::body::{Parameters, Segments};
use crate::manage::caller::Manager;
use crate::manage::error::Problem;
use crate::manage::paths::{InOrganization, InRealm};
use crate::manage::whole_query::{ExportQuery, Form};
use crate::manage::{
    access_keys, clients, licences, organizations, policies, realms, resource_servers, users,
};

/// Lines that wait for the reader.
const WAITING: usize = 64;
/// Things that are read at once.
const AT_ONCE: u32 = 200;

/// What whoever exports a realm must be allowed to read.
const WHOLE_REALM: [Permission; 8] = [
    Permission::ReadRealms,
    Permission::ReadResourceServers,
    Permission::ReadPolicies,
    Permission::ReadOperators,
    Permission::ReadOrganizations,
    Permission::ReadLicences,
    Permission::ReadMembers,
    Permission::ReadClients,
];

/// One line of an export.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ExportLine)]
pub(crate) enum Line {
    /// The realm.
    Realm(realms::View),
    /// A resource server.
    ResourceServer(resource_servers::View),
    /// A policy.
    Policy(policies::View),
    /// An operator.
    Operator(users::OperatorView),
    /// An organization; what follows up to the next one is its.
    Organization(organizations::View),
    /// A licence.
    Licence(licences::View),
    /// A member.
    Member(users::MemberView),
    /// A client.
    Client(clients::View),
    /// An access key, without its secret.
    AccessKey(access_keys::NewKeyView),
    /// The last line: without it, something is missing.
    End {
        /// Lines before this one.
        lines: u64,
    },
}

/// Everything that there is
#[utoipa::path(get, path = "/export", tag = "export", operation_id = "exportInstallation", params(ExportQuery),
    security(("oauth2" = ["read:realms", "read:resource-servers", "read:policies", "read:operators",
        "read:organizations", "read:licences", "read:members", "read:clients"])),
    responses((status = 200, description = "Lines of JSON, or a description",
        content((Line = "application/x-ndjson"), (serde_json::Value = "application/yaml")))))]
pub(crate) async fn installation(
    manager: Manager,
    query: Parameters<ExportQuery>,
) -> Result<Response, Problem> {
    let realms = manager.every_realm(&WHOLE_REALM)?;
    let store = Arc::clone(manager.authority().store());
    let form = query.read()?.form;
    Ok(match form {
        Form::Lines => stream_of(form, |lines| lines.realms(store, realms)),
        Form::Items | Form::Description => {
            let export = Export::begin(store, None).await?;
            stream_of(form, |lines| lines.described(export, form))
        }
    })
}

/// Everything of a realm
#[utoipa::path(get, path = "/realms/{realm}/export", tag = "export", operation_id = "exportRealm",
    security(("oauth2" = ["read:realms", "read:resource-servers", "read:policies", "read:operators",
        "read:organizations", "read:licences", "read:members", "read:clients"])), params(InRealm, ExportQuery),
    responses((status = 200, description = "Lines of JSON, or a description",
        content((Line = "application/x-ndjson"), (serde_json::Value = "application/yaml")))))]
pub(crate) async fn realm(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    query: Parameters<ExportQuery>,
) -> Result<Response, Problem> {
    let access = manager.realm(Permission::ReadRealms, &at.realm)?;
    for permission in WHOLE_REALM {
        manager.realm(permission, &at.realm)?;
    }
    let form = query.read()?.form;
    let (store, view) = (Arc::clone(access.authority().store()), Arc::clone(access.view()));
    Ok(match form {
        Form::Lines => stream_of(form, |lines| lines.realms(store, vec![view])),
        Form::Items | Form::Description => {
            let export = Export::begin(store, Some(view.id())).await?;
            stream_of(form, |lines| lines.described(export, form))
        }
    })
}

/// Everything of an organization, a line each
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}/export", tag = "export",
    operation_id = "exportOrganization",
    security(("oauth2" = ["read:organizations", "read:licences", "read:members", "read:clients"])), params(InOrganization),
    responses((status = 200, description = "Lines of JSON", body = Line, content_type = "application/x-ndjson")))]
pub(crate) async fn organization(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
) -> Result<Response, Problem> {
    let access = manager.organization(Permission::ReadOrganizations, at.place()).await?;
    for permission in [Permission::ReadLicences, Permission::ReadMembers, Permission::ReadClients] {
        manager.organization(permission, at.place()).await?;
    }
    let (store, realm) = (Arc::clone(access.realm.authority().store()), access.realm.id().clone());
    let organization = access.organization;
    Ok(stream_of(Form::Lines, |lines| lines.organization(store, realm, organization)))
}

/// Why an export ended before its end.
#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error("the reader is gone")]
    Reader,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a line cannot be written: {0}")]
    Line(#[from] serde_json::Error),
    #[error(transparent)]
    Yaml(#[from] NotYaml),
}

struct Lines {
    sender: mpsc::Sender<Result<Bytes, Cut>>,
    written: u64,
}

/// An answer that is made while it is read. Where it cannot be finished the connection breaks: nobody takes a part for
/// the whole.
fn stream_of<F>(form: Form, write: impl FnOnce(Lines) -> F) -> Response
where
    F: Future<Output = Result<(), Cut>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING);
    let writing = write(Lines { sender: sender.clone(), written: 0 });
    tokio::spawn(async move {
        if let Err(cut) = writing.await {
            tracing::warn!(error = %cut, "an export was cut off");
            let _ = sender.send(Err(cut)).await;
        }
    });
    let lines =
        stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|line| (line, receiver)) });
    let mut response = Body::from_stream(lines).into_response();
    let kind = HeaderValue::from_static(match form {
        Form::Lines | Form::Items => "application/x-ndjson",
        Form::Description => "application/yaml",
    });
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

impl Lines {
    async fn write(&mut self, line: &Line) -> Result<(), Cut> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.written += 1;
        self.send(text.into()).await
    }

    async fn send(&self, text: Bytes) -> Result<(), Cut> {
        if text.is_empty() {
            return Ok(());
        }
        self.sender.send(Ok(text)).await.map_err(|_| Cut::Reader)
    }

    /// In the words of a description, a page at a time.
    async fn described(self, mut export: Export, form: Form) -> Result<(), Cut> {
        let mut yaml = YamlWriter::default();
        while let Some(items) = export.next().await? {
            let mut text = Vec::new();
            for item in &items {
                if form == Form::Description {
                    text.extend_from_slice(yaml.item(item)?.as_bytes());
                } else {
                    serde_json::to_writer(&mut text, item)?;
                    text.push(b'\n');
                }
            }
            self.send(text.into()).await?;
        }
        let end = if form == Form::Description { yaml.end() } else { "" };
        self.send(Bytes::from_static(end.as_bytes())).await
    }

    async fn end(mut self) -> Result<(), Cut> {
        let lines = self.written;
        self.write(&Line::End { lines }).await
    }

    async fn realms(mut self, store: Arc<dyn Store>, realms: Vec<Arc<RealmView>>) -> Result<(), Cut> {
        for view in &realms {
            self.realm(&*store, view).await?;
        }
        self.end().await
    }

    async fn realm(&mut self, store: &dyn Store, view: &RealmView) -> Result<(), Cut> {
        self.write(&Line::Realm(realms::view(view))).await?;
        for server in store.list_resource_servers(view.id()).await? {
            self.write(&Line::ResourceServer(resource_servers::view(server))).await?;
        }
        for policy in store.list_policies(view.id()).await? {
            self.write(&Line::Policy(policies::view(policy))).await?;
        }
        let mut page = first();
        loop {
            let users = store.list_users(view.id(), None, &page).await?;
            for user in users.items {
                if let Some(role) = user.operator {
                    self.write(&Line::Operator(users::operator_view(user, role))).await?;
                }
            }
            let Some(next) = users.next else { break };
            page.after = Some(next);
        }
        let mut page = first();
        loop {
            let organizations = store.list_organizations(view.id(), &page).await?;
            for organization in organizations.items {
                self.all_of(store, view.id(), organization).await?;
            }
            let Some(next) = organizations.next else { return Ok(()) };
            page.after = Some(next);
        }
    }

    async fn organization(
        mut self,
        store: Arc<dyn Store>,
        realm: RealmId,
        organization: Organization,
    ) -> Result<(), Cut> {
        self.all_of(&*store, &realm, organization).await?;
        self.end().await
    }

    async fn all_of(&mut self, store: &dyn Store, realm: &RealmId, of: Organization) -> Result<(), Cut> {
        let id = of.id.clone();
        self.write(&Line::Organization(organizations::view(of))).await?;
        for licence in store.list_licences(realm, &id).await? {
            self.write(&Line::Licence(licences::view(licence))).await?;
        }
        let mut page = first();
        loop {
            let users = store.list_users(realm, Some(&id), &page).await?;
            for user in users.items {
                if let Some(role) = user.membership.as_ref().map(|membership| membership.role) {
                    self.write(&Line::Member(users::member_view(user, role))).await?;
                }
            }
            let Some(next) = users.next else { break };
            page.after = Some(next);
        }
        self.clients(store, realm, &id).await
    }

    async fn clients(&mut self, store: &dyn Store, realm: &RealmId, of: &OrganizationId) -> Result<(), Cut> {
        let mut page = first();
        loop {
            let clients = store.list_clients_with_keys(realm, of, &page).await?;
            for found in clients.items {
                self.write(&Line::Client(clients::view(found.client))).await?;
                for key in &found.keys {
                    self.write(&Line::AccessKey(access_keys::kept_view(key))).await?;
                }
            }
            let Some(next) = clients.next else { return Ok(()) };
            page.after = Some(next);
        }
    }
}

const fn first() -> PageRequest {
    PageRequest { after: None, limit: AT_ONCE }
}
