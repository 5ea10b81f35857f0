//! Realms: switching between them, new ones, and switching one off.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::edit;
use symbolon_core::id::RealmId;
use symbolon_core::permission::Permission;
use symbolon_core::realm::{Compatibility, Realm, RealmSettings, Status};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::list::{LIST, ListQuery};
use crate::console::listing::Listing;
use crate::console::operator::fields::{Field, Group};
use crate::console::operator::pages::{FormPage, Question, check_version, mistakes, once};
use crate::console::operator::settings_form::{compatibilities, read_compatibility};
use crate::console::operator::status_of;
use crate::console::page::{Frame, Link, Page, Place, gone_to, sentence};
use crate::console::texts::Texts;
use crate::console::time::Moment;
use crate::console::visitor::Visitor;

struct Row {
    id: String,
    to: String,
    issuer: String,
    active: bool,
    created: Moment,
}

#[derive(Template)]
#[template(path = "operator/realms.html")]
struct ListContent {
    t: Texts,
    listing: Listing,
    rows: Vec<Row>,
}

/// Where a new realm is made; not below `realms`, where it would be a realm's name.
const NEW: &str = "/console/new-realm";

/// The realms within reach.
pub(super) async fn list(visitor: Visitor) -> Result<Response, Failure> {
    let mut realms = visitor.realms(Permission::ReadRealms)?;
    let list = ListQuery::of(&visitor.asked, &LIST).usually("id");
    let (status, sought) = (list.filter().status, list.sought());
    realms.retain(|realm| {
        status.is_none_or(|status| realm.realm().status == status)
            && (realm.id().as_str().to_lowercase().contains(&sought) || realm.issuer().contains(&sought))
    });
    list.arrange(&mut realms, |realm, key| match key {
        "issuer" => (0, realm.issuer().to_owned()),
        "status" => (i64::from(!realm.realm().status.is_active()), realm.id().to_string()),
        "created" => (realm.realm().created_at.millis(), realm.id().to_string()),
        _ => (0, realm.id().to_string()),
    });
    let rows = realms.iter().map(|realm| Row {
        id: realm.id().to_string(),
        to: address::realm(realm.id(), &[]),
        issuer: realm.issuer().to_owned(),
        active: realm.realm().status.is_active(),
        created: Moment(realm.realm().created_at),
    });
    let place = Place::nowhere();
    let t = place.texts(&visitor);
    let may = visitor.installation(Permission::WriteRealms).is_ok();
    let listing = Listing::new(t, list, "realms-title", "filter-contains")
        .caption("realms-caption")
        .by_status()
        .empty("filter-nothing", may.then(|| ("realm-new", NEW.to_owned())))
        .sorted("realm-id", "id")
        .sorted("realm-issuer", "issuer")
        .sorted("filter-status", "status")
        .sorted("column-created", "-created");
    let frame = Frame::inside(&visitor, &place, &listing.title);
    Ok(Page::new(frame, ListContent { t, listing, rows: rows.collect() }).into_response())
}

fn new_page(visitor: &Visitor, form: &Form) -> FormPage<'static> {
    let place = Place::nowhere();
    let t = place.texts(visitor);
    FormPage {
        place,
        crumbs: vec![Link::new(t.of("realms-title"), address::REALMS)],
        title: t.of("realm-new").into_owned(),
        intro: t.of("realm-new-intro").into_owned(),
        hidden: vec![once(visitor, form)],
        groups: vec![Group::new(
            "",
            vec![
                Field::line("id", "realm-id").hint("realm-id-hint").required(),
                Field::choice("compatibility", "realm-compatibility", compatibilities(t))
                    .hint("realm-compatibility-hint"),
            ],
        )],
        submit: "realm-create",
        cancel: address::REALMS.to_owned(),
        links: Vec::new(),
    }
}

/// The form for a new one.
pub(super) async fn new(visitor: Visitor) -> Result<Response, Failure> {
    visitor.installation(Permission::WriteRealms)?;
    let form = Form::default();
    Ok(new_page(&visitor, &form).shown(&visitor, &form))
}

/// Makes one, once however often its form is sent.
pub(super) async fn create(visitor: Visitor, form: Form) -> Result<Response, Failure> {
    let visitor = visitor.making(&form);
    let access = visitor.installation(Permission::WriteRealms)?;
    let id = match RealmId::new(form.text("id")) {
        Ok(id) => id,
        Err(error) => {
            let mut mistakes = Mistakes::default();
            mistakes.add("id", sentence(&error.to_string()));
            return Ok(new_page(&visitor, &form).again(&visitor, &form, &mistakes));
        }
    };
    let compatibility = read_compatibility(&form).unwrap_or(Compatibility::Default);
    let made = || gone_to(&address::realm(&id, &["settings"]), "realm-made");
    if access.has_made(&id).await? {
        return Ok(made());
    }
    let editor = access.editor(&id);
    let realm = Realm {
        id: id.clone(),
        status: Status::Active,
        longest_lifetime: 0,
        settings: RealmSettings { compatibility, ..RealmSettings::default() },
        version: 1,
        created_at: visitor.authority.now(),
    };
    match edit::realm::insert(editor, &realm).await {
        Ok(()) => Ok(made()),
        // The same form came a second time while the first was on its way.
        Err(_) if access.has_made(&id).await? => Ok(made()),
        Err(error) => Ok(new_page(&visitor, &form).again(&visitor, &form, &mistakes(error)?)),
    }
}

fn status_question<'a>(visitor: &Visitor, realm: &'a str, version: i64) -> Question<'a> {
    let off = &["realm-disable-tokens", "realm-disable-people"][..];
    let texts = (
        ("realm-disable-title", off, "realm-disable"),
        ("realm-enable-title", &["realm-enable-tokens"][..], "realm-enable"),
    );
    let cancel = address::realm(realm, &["settings"]);
    Question::of_status(visitor, Place::in_realm(realm), texts, &[("value", realm)], (version, cancel))
}

/// Asks before a realm is switched off or on.
pub(super) async fn ask_status(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteRealms, &realm)?;
    Ok(status_question(&visitor, &realm, access.view().realm().version).asked(&visitor))
}

/// Switches a realm off or on. Nobody switches off the realm that it signed in to.
pub(super) async fn set_status(
    visitor: Visitor,
    Path(realm): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteRealms, &realm)?;
    let before = access.view().realm().clone();
    check_version(&form, before.version)?;
    let status = status_of(&visitor.asked.path);
    if status == Status::Disabled && visitor.home() == access.id() {
        let t = Place::in_realm(&realm).texts(&visitor);
        let mistakes = Mistakes::of_form(t.of("realm-own"));
        return Ok(status_question(&visitor, &realm, before.version).refused(&visitor, &mistakes));
    }
    edit::realm::update(access.editor(), &before, &Realm { status, ..before.clone() }).await?;
    Ok(gone_to(&address::realm(&realm, &["settings"]), "realm-saved"))
}
