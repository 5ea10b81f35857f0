//! Signing keys: what signs, rotation before its time, and replacement in an emergency.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::permission::{Permission, RealmAccess};
use symbolon_core::protocol::algorithm::Algorithm;
use symbolon_core::rotation;
use symbolon_core::signing_key::{KeyState, StoredSigningKey};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::list::ListQuery;
use crate::console::listing::Head;
use crate::console::operator::fields::{Choice, Field, Group};
use crate::console::operator::pages::{FormPage, Question, mistakes};
use crate::console::page::{Frame, Link, Page, Place, gone_to};
use crate::console::texts::Texts;
use crate::console::time::{Moment, lasting};
use crate::console::visitor::Visitor;

struct Row {
    kid: String,
    algorithm: &'static str,
    state: &'static str,
    published: Moment,
    active: Option<Moment>,
    retired: Option<Moment>,
    replace: String,
}

#[derive(Template)]
#[template(path = "operator/signing_keys.html")]
struct ListContent {
    t: Texts,
    rows: Vec<Row>,
    intro: String,
    heads: Vec<Head>,
    rotate: Option<String>,
}

/// The keys of a realm; there are few.
pub(super) async fn list(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::ReadSigningKeys, &realm)?;
    let list = ListQuery::of(&visitor.asked, &["sort"]).usually("state");
    let mut keys = access.store().list_signing_keys(access.id()).await?;
    list.arrange(&mut keys, |key, by| match by {
        "kid" => (None, 0, key.kid.clone()),
        "age" => (None, key.published_at.millis(), key.kid.clone()),
        _ => {
            let place = KeyState::ALL.iter().position(|state| *state == key.state);
            (place, key.published_at.millis(), String::new())
        }
    });
    let row = |key: StoredSigningKey| Row {
        replace: address::realm(&realm, &["signing-keys", &key.kid, "replace"]),
        algorithm: key.algorithm.name(),
        state: key.state.name(),
        published: Moment(key.published_at),
        active: key.active_at.map(Moment),
        retired: key.retired_at.map(Moment),
        kid: key.kid,
    };
    let place = Place::in_realm(&realm);
    let t = place.texts(&visitor);
    let every = lasting(t, visitor.authority.settings().rotation.every);
    let may = visitor.may(Permission::WriteSigningKeys);
    let head = |text, key| list.head(t.of(text).into_owned(), key);
    let mut heads = vec![
        head("signing-key-kid", "kid"),
        Head::plain(t.of("signing-key-algorithm")),
        head("signing-key-state", "state"),
        head("signing-key-published", "age"),
        Head::plain(t.of("signing-key-active")),
        Head::plain(t.of("signing-key-retired")),
    ];
    heads.extend(may.then(|| Head::plain(t.of("column-actions"))));
    let content = ListContent {
        t,
        rows: keys.into_iter().map(row).collect(),
        intro: t.one("signing-keys-intro", every).into_owned(),
        heads,
        rotate: may.then(|| address::realm(&realm, &["signing-keys", "rotate"])),
    };
    Ok(Page::new(Frame::inside(&visitor, &place, t.of("signing-keys-title")), content).into_response())
}

async fn keys(access: &RealmAccess<'_>) -> Result<Vec<StoredSigningKey>, Failure> {
    Ok(access.store().list_signing_keys(access.id()).await?)
}

async fn rotate_page<'a>(
    visitor: &Visitor,
    access: &RealmAccess<'_>,
    realm: &'a str,
) -> Result<FormPage<'a>, Failure> {
    let place = Place::in_realm(realm);
    let t = place.texts(visitor);
    let keys = keys(access).await?;
    let signs = |algorithm: &Algorithm| {
        keys.iter().any(|key| key.algorithm == *algorithm && key.state == KeyState::Active)
    };
    let choices = Algorithm::ALL.into_iter().filter(signs);
    let choices = choices.map(|algorithm| Choice::new(algorithm.name(), algorithm.name())).collect();
    let announced = lasting(t, visitor.authority.settings().rotation.max_age.saturating_mul(2));
    let list = address::realm(realm, &["signing-keys"]);
    Ok(FormPage {
        place,
        crumbs: vec![Link::new(t.of("signing-keys-title"), list.clone())],
        title: t.of("signing-keys-rotate").into_owned(),
        intro: t.one("signing-keys-rotate-intro", announced).into_owned(),
        hidden: Vec::new(),
        groups: vec![Group::new("", vec![Field::choice("algorithm", "signing-key-algorithm", choices)])],
        submit: "signing-keys-rotate",
        cancel: list,
        links: Vec::new(),
    })
}

/// Asks which keys to rotate.
pub(super) async fn ask_rotate(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteSigningKeys, &realm)?;
    visitor.check_proof()?;
    Ok(rotate_page(&visitor, &access, &realm).await?.shown(&visitor, &Form::default()))
}

/// Publishes the next key of an algorithm. Sent twice, it publishes one.
pub(super) async fn rotate(
    visitor: Visitor,
    Path(realm): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteSigningKeys, &realm)?;
    visitor.check_proof()?;
    let algorithm = Algorithm::from_name(form.text("algorithm")).ok_or(Failure::Form)?;
    match rotation::begin(access.editor(), algorithm).await {
        Ok(()) => Ok(gone_to(&address::realm(&realm, &["signing-keys"]), "signing-key-published")),
        Err(error) => {
            let mistakes = mistakes(error)?;
            Ok(rotate_page(&visitor, &access, &realm).await?.again(&visitor, &form, &mistakes))
        }
    }
}

/// Asks before a key is replaced.
pub(super) async fn ask_replace(
    visitor: Visitor,
    Path((realm, kid)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteSigningKeys, &realm)?;
    visitor.check_proof()?;
    let key = keys(&access).await?.into_iter().find(|key| key.kid == kid).ok_or(Failure::NotFound)?;
    let place = Place::in_realm(&realm);
    let t = place.texts(&visitor);
    let what = match key.state {
        KeyState::Active => "signing-key-replace-active",
        KeyState::Pending => "signing-key-replace-pending",
        KeyState::Retired => "signing-key-replace-retired",
    };
    let lines =
        ["signing-key-replace-when", what, "signing-key-replace-tokens", "signing-key-replace-verifiers"];
    let question = Question {
        place,
        title: t.one("signing-key-replace-title", kid.as_str()).into_owned(),
        lines: lines.map(|line| t.one(line, key.algorithm.name()).into_owned()).into(),
        hidden: Vec::new(),
        submit: "signing-key-replace",
        cancel: address::realm(&realm, &["signing-keys"]),
        danger: true,
    };
    Ok(question.asked(&visitor))
}

/// Revokes a key and puts another in its place.
pub(super) async fn replace(
    visitor: Visitor,
    Path((realm, kid)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteSigningKeys, &realm)?;
    visitor.check_proof()?;
    rotation::replace_compromised(access.editor(), &kid).await?;
    Ok(gone_to(&address::realm(&realm, &["signing-keys"]), "signing-key-replaced"))
}
