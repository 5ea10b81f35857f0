//! Revoking one token: pasted or named by its id, then a page that says whose it is, then the deed.
//!
//! A pasted token is still a secret. It is sent in a form's body, only its id is read, and the next address holds the id.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::Deserialize;
use symbolon_core::clock::Timestamp;
use symbolon_core::permission::{Permission, RealmAccess};
use symbolon_core::protocol::revocation::{Cutoff, Kind};
use symbolon_core::revoke::{RecordedToken, find_recorded, revoke_one};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::operator::organizations::shown_name;
use crate::console::operator::pages::Question;
use crate::console::page::{Frame, Link, Page, Place, gone_to};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// No token's id is longer.
const LONGEST_ID: usize = 128;
/// The longest token that is looked at.
const LONGEST_TOKEN: usize = 64 * 1024;

#[derive(Template)]
#[template(path = "operator/revoke_token.html")]
struct FormContent {
    t: Texts,
    action: String,
    cancel: String,
    /// The id that was entered. A token is never shown again.
    value: String,
    mistakes: Mistakes,
}

fn list(realm: &str) -> String {
    address::realm(realm, &["revocations"])
}

fn page(visitor: &Visitor, realm: &str, (value, mistakes): (&str, Mistakes)) -> Response {
    let place = Place::in_realm(realm);
    let t = place.texts(visitor);
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let content = FormContent {
        t,
        action: address::realm(realm, &["revocations", "token"]),
        cancel: list(realm),
        value: value.to_owned(),
        mistakes,
    };
    let crumbs = vec![Link::new(t.of("nav-revocations"), list(realm))];
    let frame = Frame::inside(visitor, &place, t.of("revoke-token")).below(crumbs);
    Page::new(frame, content).with_status(status).into_response()
}

/// The `jti` that a token says it has: what is on record of it is looked up, so that its signature does not matter.
fn unverified_jti(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        jti: String,
    }
    if text.len() > LONGEST_TOKEN || text.bytes().filter(|b| *b == b'.').count() != 2 {
        return None;
    }
    let payload = BASE64URL.decode(text.split('.').nth(1)?).ok()?;
    let Claims { jti } = serde_json::from_slice(&payload).ok()?;
    is_id(&jti).then_some(jti)
}

fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// What was entered, without what stands around a token in a header.
fn entered(form: &Form) -> &str {
    let text = form.text("token");
    text.get(..7).filter(|word| word.eq_ignore_ascii_case("bearer ")).map_or(text, |_| text[7..].trim())
}

/// The form.
pub(super) async fn ask(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    visitor.realm(Permission::WriteRevocations, &realm)?;
    Ok(page(&visitor, &realm, ("", Mistakes::default())))
}

/// Looks a token up.
pub(super) async fn find(
    visitor: Visitor,
    Path(realm): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteRevocations, &realm)?;
    let t = Place::in_realm(&realm).texts(&visitor);
    let text = entered(&form);
    let mut mistakes = Mistakes::default();
    let jti =
        if text.contains('.') { unverified_jti(text) } else { Some(text.to_owned()).filter(|id| is_id(id)) };
    let Some(jti) = jti else {
        let mistake = if text.is_empty() { "revoke-token-missing" } else { "revoke-token-unreadable" };
        mistakes.add("token", t.of(mistake));
        return Ok(page(&visitor, &realm, ("", mistakes)));
    };
    if find_recorded(access.store(), access.id(), &jti).await?.is_none() {
        mistakes.add("token", t.one("revoke-token-unknown", jti.as_str()));
        return Ok(page(&visitor, &realm, (&jti, mistakes)));
    }
    Ok(gone_to(&address::realm(&realm, &["revocations", "token", &jti]), ""))
}

async fn recorded(access: &RealmAccess<'_>, jti: &str) -> Result<RecordedToken, Failure> {
    let found = if is_id(jti) { find_recorded(access.store(), access.id(), jti).await? } else { None };
    found.ok_or(Failure::NotFound)
}

/// Whether nothing has to be done to it any more.
fn is_dead(access: &RealmAccess<'_>, token: &RecordedToken) -> bool {
    token.is_over(access.authority().now())
        || access.view().revocations().cutoff(Kind::Token, &token.record.jti) == Some(Cutoff::Open)
}

/// A moment, to the second.
fn written(moment: Timestamp) -> String {
    moment.to_string().replace('T', " ").chars().take(19).collect()
}

async fn question<'a>(
    visitor: &Visitor,
    access: &RealmAccess<'_>,
    realm: &'a str,
    token: &RecordedToken,
) -> Result<Question<'a>, Failure> {
    let place = Place::in_realm(realm);
    let t = place.texts(visitor);
    let (store, id) = (access.store(), token.client.as_str());
    let client = store.find_client(access.id(), &token.organization, &token.client).await?;
    let client = client.map(|found| found.client.settings.name).filter(|name| !name.is_empty());
    let organization = store.find_organization(access.id(), &token.organization).await?;
    let organization =
        organization.map_or_else(|| token.organization.to_string(), |found| shown_name(&found));
    let whose =
        [("client", client.as_deref().unwrap_or(id)), ("id", id), ("organization", organization.as_str())];
    let scope = match token.grant.scope.as_str() {
        "" => t.of("revoke-token-no-scope"),
        scope => scope.into(),
    };
    let what = [("audience", token.grant.audience.as_str()), ("scope", &*scope)];
    let (at, expires) = (written(token.record.at), written(token.record.expires_at));
    let when = [("at", at.as_str()), ("expires", expires.as_str())];
    let dead = if is_dead(access, token) { "revoke-token-over" } else { "revoke-token-dead" };
    Ok(Question {
        place,
        title: t.of("revoke-token-title").into_owned(),
        lines: vec![
            t.with("revoke-token-whose", &whose).into_owned(),
            t.with("revoke-token-for", &what).into_owned(),
            t.with("revoke-token-when", &when).into_owned(),
            t.of(dead).into_owned(),
        ],
        hidden: Vec::new(),
        submit: "revoke-token-now",
        cancel: list(realm),
        danger: true,
    })
}

/// Says whose token it is.
pub(super) async fn confirm(
    visitor: Visitor,
    Path((realm, jti)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteRevocations, &realm)?;
    let token = recorded(&access, &jti).await?;
    Ok(question(&visitor, &access, &realm, &token).await?.asked(&visitor))
}

/// Revokes it. One that is dead already stays so.
pub(super) async fn create(
    visitor: Visitor,
    Path((realm, jti)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteRevocations, &realm)?;
    let token = recorded(&access, &jti).await?;
    if !is_dead(&access, &token) {
        let editor = access.editor();
        revoke_one(editor.authority, editor.actor, access.view(), &token.as_one()).await?;
    }
    Ok(gone_to(&list(&realm), "token-revoked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_token_is_read_and_nothing_else_is_taken_for_one() {
        let token = |claims: &str| format!("e30.{}.c2ln", BASE64URL.encode(claims));
        assert_eq!(unverified_jti(&token(r#"{"jti":"tok_1","sub":"x"}"#)).as_deref(), Some("tok_1"));
        for text in [
            token("{}"),
            token(r#"{"jti":1}"#),
            token(r#"{"jti":"a b"}"#),
            "a.b".to_owned(),
            "a.b.c".to_owned(),
        ] {
            assert_eq!(unverified_jti(&text), None, "{text}");
        }
        let form = |text: &str| Form::of(vec![("token".to_owned(), text.to_owned())]);
        assert_eq!(entered(&form(" Bearer  a.b.c ")), "a.b.c");
        assert_eq!(entered(&form("bearer")), "bearer");
    }
}
