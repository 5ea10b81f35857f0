//! Licences of an organization: the forms of operators. Their list is a page that customers have too.

use axum::extract::Path;
use axum::response::Response;
use symbolon_core::clock::Timestamp;
use symbolon_core::edit;
use symbolon_core::edit::EditError;
use symbolon_core::id::Id;
use symbolon_core::licence::{Licence, LicenceKind};
use symbolon_core::permission::{OrganizationAccess, Permission};
use symbolon_core::realm::Status;

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::operator::fields::{Choice, Field, Group};
use crate::console::operator::organizations::shown_name;
use crate::console::operator::pages::{
    FormPage, Question, check_version, made_before, mistakes, once, version,
};
use crate::console::page::{Link, Place, gone_to};
use crate::console::texts::Texts;
use crate::console::time::Moment;
use crate::console::visitor::Visitor;

const KINDS: [LicenceKind; 3] = [LicenceKind::Trial, LicenceKind::Beta, LicenceKind::Full];

type At<'a> = (&'a str, &'a str);

fn fields(access: &OrganizationAccess<'_>, t: Texts, is_new: bool) -> Vec<Field> {
    let kinds = KINDS.map(|kind| Choice::new(kind.name(), t.of(kind_text(kind)))).into();
    let mut fields = vec![
        Field::choice("kind", "licence-kind", kinds),
        Field::moment("starts_at", "licence-starts").hint("licence-starts-hint"),
        Field::moment("ends_at", "licence-ends").hint("licence-ends-hint"),
    ];
    if is_new {
        let mut servers: Vec<Choice> = access
            .realm
            .view()
            .resource_servers()
            .map(|server| Choice::new(&*server.identifier, named(&server.settings.name, &server.identifier)))
            .collect();
        // What nobody has to choose is chosen.
        if servers.len() != 1 {
            servers.insert(0, Choice::new("", t.of("choose")));
        }
        fields.insert(0, Field::choice("audience", "licence-audience", servers));
    }
    fields
}

const fn kind_text(kind: LicenceKind) -> &'static str {
    match kind {
        LicenceKind::Trial => "licence-kind-trial",
        LicenceKind::Beta => "licence-kind-beta",
        LicenceKind::Full => "licence-kind-full",
    }
}

/// A name with what it names, where there is one.
pub(super) fn named(name: &str, id: &str) -> String {
    if name.is_empty() { id.to_owned() } else { format!("{name} ({id})") }
}

/// A moment as the field for it shows it: UTC, to the second.
fn written(moment: Timestamp) -> String {
    moment.to_string().chars().take(19).collect()
}

/// The moment in a field. What was not touched stays as it is, to the millisecond.
fn read_moment(text: &str, before: Option<Timestamp>) -> Option<Timestamp> {
    match before {
        Some(before) if written(before) == text => Some(before),
        _ => Timestamp::parse(&format!("{text}Z")).or_else(|| Timestamp::parse(text)),
    }
}

struct Entered {
    kind: LicenceKind,
    starts_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
}

fn read(form: &Form, before: Option<&Licence>, t: Texts) -> Result<Entered, Mistakes> {
    let mut mistakes = Mistakes::default();
    let kind = KINDS.into_iter().find(|kind| kind.name() == form.text("kind"));
    if kind.is_none() {
        mistakes.add("kind", t.of("choose-one"));
    }
    let mut moment = |name: &'static str, before: Option<Timestamp>| {
        let read = form.filled(name).map(|text| read_moment(text, before));
        if read == Some(None) {
            mistakes.add(name, t.of("moment-wrong"));
        }
        read.flatten()
    };
    let starts_at = moment("starts_at", before.map(|licence| licence.starts_at));
    let ends_at = moment("ends_at", before.and_then(|licence| licence.ends_at));
    match kind {
        Some(kind) if mistakes.is_empty() => Ok(Entered { kind, starts_at, ends_at }),
        _ => Err(mistakes),
    }
}

fn licences(at: At<'_>) -> String {
    address::organization(at.0, at.1, &["licences"])
}

fn crumbs(access: &OrganizationAccess<'_>, t: Texts, at: At<'_>) -> Vec<Link> {
    vec![
        Link::new(t.of("organizations-title"), address::realm(at.0, &["organizations"])),
        Link::new(shown_name(&access.organization), address::organization(at.0, at.1, &[])),
        Link::new(t.of("nav-licences"), licences(at)),
    ]
}

fn new_page<'a>(visitor: &Visitor, access: &OrganizationAccess<'_>, at: At<'a>, form: &Form) -> FormPage<'a> {
    let place = Place::in_organization(at);
    let t = place.texts(visitor);
    FormPage {
        place,
        crumbs: crumbs(access, t, at),
        title: t.one("licence-new-title", shown_name(&access.organization)).into_owned(),
        intro: String::new(),
        hidden: vec![once(visitor, form)],
        groups: vec![Group::new("", fields(access, t, true))],
        submit: "licence-create",
        cancel: licences(at),
        links: Vec::new(),
    }
}

/// The form for a new one.
pub(super) async fn new(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let at = (realm.as_str(), organization.as_str());
    let access = visitor.organization(Permission::WriteLicences, at).await?;
    let form = Form::of(vec![("starts_at".to_owned(), written(visitor.authority.now()))]);
    Ok(new_page(&visitor, &access, at, &form).shown(&visitor, &form))
}

/// Makes one.
pub(super) async fn create(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let at = (realm.as_str(), organization.as_str());
    let visitor = visitor.making(&form);
    let access = visitor.organization(Permission::WriteLicences, at).await?;
    let made = || gone_to(&licences(at), "licence-made");
    if made_before(&access.realm).await?.is_some() {
        return Ok(made());
    }
    let again = |mistakes| new_page(&visitor, &access, at, &form).again(&visitor, &form, &mistakes);
    let t = Place::in_organization(at).texts(&visitor);
    let entered = match read(&form, None, t) {
        Ok(entered) => entered,
        Err(mistakes) => return Ok(again(mistakes)),
    };
    let Some(audience) = form.filled("audience") else {
        let mut mistakes = Mistakes::default();
        mistakes.add("audience", t.of("choose-one"));
        return Ok(again(mistakes));
    };
    let now = visitor.authority.now();
    let licence = Licence {
        id: Id::generate(now, visitor.authority.random()).map_err(EditError::from)?,
        organization: access.id().clone(),
        audience: audience.to_owned(),
        kind: entered.kind,
        starts_at: entered.starts_at.unwrap_or(now),
        ends_at: entered.ends_at,
        status: Status::Active,
        version: 1,
        created_at: now,
    };
    match edit::licence::insert(access.realm.editor(), &licence).await {
        Ok(()) => Ok(made()),
        Err(error) => Ok(again(mistakes(error)?)),
    }
}

async fn find(access: &OrganizationAccess<'_>, id: &str) -> Result<Licence, Failure> {
    let mut all = access.realm.store().list_licences(access.realm.id(), access.id()).await?.into_iter();
    all.find(|licence| licence.id.as_str() == id).ok_or(Failure::NotFound)
}

fn edit_page<'a>(
    visitor: &Visitor,
    access: &OrganizationAccess<'_>,
    at: At<'a>,
    licence: &Licence,
) -> FormPage<'a> {
    let place = Place::in_organization(at);
    let t = place.texts(visitor);
    let mut all = fields(access, t, false);
    if licence.status == Status::Disabled {
        all.push(Field::check("enable", "licence-enable"));
    }
    let end = address::organization(at.0, at.1, &["licences", licence.id.as_str(), "end"]);
    let ended =
        !licence.status.is_active() || licence.ends_at.is_some_and(|end| end <= visitor.authority.now());
    FormPage {
        place,
        crumbs: crumbs(access, t, at),
        title: t.one("licence-edit-title", licence.audience.as_str()).into_owned(),
        intro: t.of("licence-edit-intro").into_owned(),
        hidden: vec![version(licence.version)],
        groups: vec![Group::new("", all)],
        submit: "save",
        cancel: licences(at),
        links: if ended { Vec::new() } else { vec![Link::new(t.of("licence-end"), end)] },
    }
}

/// The form of one that is there.
pub(super) async fn edit(
    visitor: Visitor,
    Path((realm, organization, licence)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let at = (realm.as_str(), organization.as_str());
    let access = visitor.organization(Permission::WriteLicences, at).await?;
    let licence = find(&access, &licence).await?;
    let form = Form::of(vec![
        ("kind".to_owned(), licence.kind.name().to_owned()),
        ("starts_at".to_owned(), written(licence.starts_at)),
        ("ends_at".to_owned(), licence.ends_at.map(written).unwrap_or_default()),
    ]);
    Ok(edit_page(&visitor, &access, at, &licence).shown(&visitor, &form))
}

/// Changes one.
pub(super) async fn update(
    visitor: Visitor,
    Path((realm, organization, licence)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let at = (realm.as_str(), organization.as_str());
    let access = visitor.organization(Permission::WriteLicences, at).await?;
    let before = find(&access, &licence).await?;
    check_version(&form, before.version)?;
    let again = |mistakes| edit_page(&visitor, &access, at, &before).again(&visitor, &form, &mistakes);
    let Entered { kind, starts_at, ends_at } =
        match read(&form, Some(&before), Place::in_organization(at).texts(&visitor)) {
            Ok(entered) => entered,
            Err(mistakes) => return Ok(again(mistakes)),
        };
    let status = if form.has("enable") { Status::Active } else { before.status };
    let starts_at = starts_at.unwrap_or(before.starts_at);
    let after = Licence { kind, starts_at, ends_at, status, ..before.clone() };
    match edit::licence::update(access.realm.editor(), &before, &after).await {
        Ok(()) => Ok(gone_to(&licences(at), "licence-saved")),
        Err(error) => Ok(again(mistakes(error)?)),
    }
}

/// Asks before one is ended.
pub(super) async fn ask_end(
    visitor: Visitor,
    Path((realm, organization, licence)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let at = (realm.as_str(), organization.as_str());
    let access = visitor.organization(Permission::WriteLicences, at).await?;
    let licence = find(&access, &licence).await?;
    let t = Place::in_organization(at).texts(&visitor);
    let name = shown_name(&access.organization);
    let until = licence.ends_at.map(|end| Moment(end).human());
    let until = until.unwrap_or_else(|| t.of("licence-for-ever").into_owned());
    let values = [("name", name.as_str()), ("audience", &*licence.audience), ("until", &*until)];
    let question = Question {
        place: Place::in_organization(at),
        title: t.with("licence-end-title", &values).into_owned(),
        lines: ["licence-end-now", "licence-end-tokens", "licence-end-after"]
            .map(|line| t.with(line, &values).into_owned())
            .into(),
        hidden: vec![version(licence.version)],
        submit: "licence-end",
        cancel: licences(at),
        danger: true,
    };
    Ok(question.asked(&visitor))
}

/// Ends one now; one that has not begun is switched off.
pub(super) async fn end(
    visitor: Visitor,
    Path((realm, organization, licence)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let at = (realm.as_str(), organization.as_str());
    let access = visitor.organization(Permission::WriteLicences, at).await?;
    let before = find(&access, &licence).await?;
    check_version(&form, before.version)?;
    let now = visitor.authority.now();
    let after = if before.starts_at < now {
        Licence { ends_at: Some(before.ends_at.unwrap_or(now).min(now)), ..before.clone() }
    } else {
        Licence { status: Status::Disabled, ..before.clone() }
    };
    edit::licence::update(access.realm.editor(), &before, &after).await?;
    Ok(gone_to(&licences(at), "licence-ended"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_is_not_touched_stays_and_one_that_is_can_be_read_in_any_form_of_the_field() {
        let before = Timestamp::from_millis(1_795_334_400_123);
        assert_eq!(written(before), "2026-11-22T08:00:00");
        assert_eq!(read_moment("2026-11-22T08:00:00", Some(before)), Some(before));
        let on_the_second = Some(Timestamp::from_millis(1_795_334_400_000));
        for text in ["2026-11-22T08:00:00", "2026-11-22T08:00", "2026-11-22T08:00:00Z"] {
            assert_eq!(read_moment(text, None), on_the_second, "{text}");
        }
        assert!(read_moment("2026-11-22", None).is_some());
        assert_eq!(read_moment("tomorrow", None), None);
    }
}
