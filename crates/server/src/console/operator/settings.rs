//! The settings of a realm.

use axum::extract::Path;
use axum::response::Response;
use symbolon_core::edit;
use symbolon_core::permission::{Permission, RealmAccess};
use symbolon_core::realm::{Realm, Status};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::operator::pages::{FormPage, check_version, mistakes, path, version};
use crate::console::operator::settings_form::{filled, groups, read};
use crate::console::page::{Link, Place, gone_to};
use crate::console::visitor::Visitor;

fn page<'a>(visitor: &Visitor, access: &RealmAccess<'_>, realm: &'a str) -> FormPage<'a> {
    let place = Place::in_realm(realm);
    let t = place.texts(visitor);
    let current = access.view().realm();
    let switch = match current.status {
        Status::Active => Link::new(t.of("realm-disable"), address::realm(realm, &["settings", "disable"])),
        Status::Disabled => Link::new(t.of("realm-enable"), address::realm(realm, &["settings", "enable"])),
    };
    FormPage {
        place,
        crumbs: Vec::new(),
        title: t.of("nav-realm-settings").into_owned(),
        intro: t.one("realm-issuer-now", access.view().issuer()).into_owned(),
        hidden: vec![version(current.version)],
        groups: groups(access.view(), t),
        submit: "save",
        cancel: address::realm(realm, &[]),
        links: if visitor.may(Permission::WriteRealms) { vec![switch] } else { Vec::new() },
    }
}

/// The settings.
pub(super) async fn edit(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::ReadRealms, &realm)?;
    Ok(page(&visitor, &access, &realm).shown(&visitor, &filled(&access.view().realm().settings)))
}

/// Changes them.
pub(super) async fn update(
    visitor: Visitor,
    Path(realm): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteRealms, &realm)?;
    visitor.check_proof()?;
    let before = access.view().realm().clone();
    check_version(&form, before.version)?;
    let t = Place::in_realm(&realm).texts(&visitor);
    let settings = match read(&form, access.view(), t) {
        Ok(settings) => settings,
        Err(mistakes) => return Ok(page(&visitor, &access, &realm).again(&visitor, &form, &mistakes)),
    };
    let done = match access.check_settings(&settings).await {
        Ok(()) => edit::realm::update(access.editor(), &before, &Realm { settings, ..before.clone() }).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => Ok(gone_to(path(&visitor), "realm-saved")),
        Err(error) => Ok(page(&visitor, &access, &realm).again(&visitor, &form, &mistakes(error)?)),
    }
}
