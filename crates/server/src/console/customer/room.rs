//! The ground of an organization's pages: who looks at which organization with which right, and the ways within it.

use symbolon_core::access_key::AccessKey;
use symbolon_core::client::{Client, ClientId, ClientSettings};
use symbolon_core::clock::Timestamp;
use symbolon_core::edit::Editor;
use symbolon_core::id::RealmId;
use symbolon_core::permission::{OrganizationAccess, Permission};
use symbolon_core::realm_view::RealmView;
use symbolon_core::self_service;
use symbolon_core::store::{ClientWithKeys, Store};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::page::{Frame, Link, Place};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// An organization, as somebody with one right in it finds it.
pub(super) struct Room<'a> {
    pub(super) visitor: &'a Visitor,
    pub(super) access: OrganizationAccess<'a>,
    pub(super) t: Texts,
}

impl<'a> Room<'a> {
    /// Enters the organization that an address names: realm and organization.
    pub(super) async fn enter(
        visitor: &'a Visitor,
        permission: Permission,
        at: (&str, &str),
    ) -> Result<Self, Failure> {
        let access = visitor.organization(permission, at).await?;
        let t = Place::in_organization(at).texts(visitor);
        Ok(Self { visitor, access, t })
    }

    /// The same for making, showing or removing credentials and for giving rights: who does it has just shown who it is.
    pub(super) async fn enter_proven(
        visitor: &'a Visitor,
        permission: Permission,
        at: (&str, &str),
    ) -> Result<Self, Failure> {
        let room = Self::enter(visitor, permission, at).await?;
        visitor.check_proof()?;
        Ok(room)
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.access.realm.store()
    }

    pub(super) fn realm(&self) -> &RealmId {
        self.access.realm.id()
    }

    pub(super) fn view(&self) -> &RealmView {
        self.access.realm.view()
    }

    pub(super) fn editor(&self) -> Editor<'_> {
        self.access.realm.editor()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.access.realm.authority().now()
    }

    pub(super) fn is_operator(&self) -> bool {
        self.access.realm.is_operator()
    }

    /// The id of this request, which a form sends back so that it makes something once.
    pub(super) fn once(&self) -> String {
        self.visitor.asked.id.clone()
    }

    /// The address of a page of the organization.
    pub(super) fn to(&self, segments: &[&str]) -> String {
        address::organization(self.realm(), self.access.id(), segments)
    }

    /// The address of a page of one of its clients.
    pub(super) fn to_client(&self, client: &ClientId, segments: &[&str]) -> String {
        let mut all = vec!["clients", client.as_str()];
        all.extend_from_slice(segments);
        self.to(&all)
    }

    /// What stands around a page right below the organization.
    pub(super) fn frame(&self, title: impl Into<String>) -> Frame {
        let at = (self.realm().as_str(), self.access.id().as_str());
        Frame::inside(self.visitor, &Place::in_organization(at), title).below(self.before())
    }

    /// The same of a page under Settings › Access, with what stands between there and the page.
    pub(super) fn settings_frame(&self, title: impl Into<String>, way: Vec<Link>) -> Frame {
        let mut crumbs = self.before();
        crumbs.extend(["nav-settings", "nav-access"].map(|name| Link::new(self.t.of(name), "")));
        crumbs.extend(way);
        let at = (self.realm().as_str(), self.access.id().as_str());
        Frame::inside(self.visitor, &Place::in_organization(at), title).below(crumbs)
    }

    /// The same of a page about a client.
    pub(super) fn client_frame(&self, title: impl Into<String>, client: &Client, is_itself: bool) -> Frame {
        let mut way = vec![Link::new(self.t.of("clients"), self.to(&["clients"]))];
        if !is_itself {
            way.push(Link::new(name_of(client), self.to_client(&client.id, &[])));
        }
        self.settings_frame(title, way)
    }

    /// An operator comes from the realm's list; a customer has but this one organization.
    fn before(&self) -> Vec<Link> {
        if !self.is_operator() {
            return Vec::new();
        }
        let organization = &self.access.organization;
        let name = if organization.name.is_empty() { organization.id.as_str() } else { &organization.name };
        let list = address::realm(self.realm(), &["organizations"]);
        vec![Link::new(self.t.of("nav-organizations"), list), Link::new(name, self.to(&[]))]
    }

    /// One of the organization's clients.
    pub(super) async fn client(&self, unverified_id: &str) -> Result<ClientWithKeys, Failure> {
        let id = ClientId::new(unverified_id).map_err(|_| Failure::NotFound)?;
        let found = self.store().find_client(self.realm(), self.access.id(), &id).await?;
        found.ok_or(Failure::NotFound)
    }
}

/// What a client is called: its name, or its id where it has none.
pub(super) fn name_of(client: &Client) -> String {
    if client.settings.name.is_empty() { client.id.to_string() } else { client.settings.name.clone() }
}

/// A key of a client by its id.
pub(super) fn key_of<'a>(keys: &'a [AccessKey], unverified_id: &str) -> Result<&'a AccessKey, Failure> {
    keys.iter().find(|key| key.id.as_str() == unverified_id).ok_or(Failure::NotFound)
}

/// Checks what somebody makes of a client: nobody gives more than it has, and customers what is offered to them.
pub(super) fn check(
    access: &OrganizationAccess<'_>,
    before: Option<&ClientSettings>,
    after: &ClientSettings,
) -> Result<(), Failure> {
    access.realm.check_client(before, after)?;
    if !access.realm.is_operator() {
        self_service::check(access.realm.view(), before, after)?;
    }
    Ok(())
}
