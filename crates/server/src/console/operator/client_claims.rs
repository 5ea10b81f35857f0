//! A client's claims of its own, which APIs' claim rules read, with the token that it would get with them. Customers see
//! them on the client's page; who sets them says what an API believes of a client, so that only operators do.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use symbolon_core::client::{Client, ClientId, ClientSettings};
use symbolon_core::edit;
use symbolon_core::grant::client_credentials::TokenRequest;
use symbolon_core::permission::{OrganizationAccess, Permission};
use symbolon_core::policy::effective_scopes;
use symbolon_core::preview::Asked;

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::operator::fields::{Choice, Column, Field, Fields, Group, ShownChoices, rows};
use crate::console::operator::licences::named;
use crate::console::operator::organizations::shown_name;
use crate::console::operator::pages::{Hidden, mistakes, path, version};
use crate::console::operator::preview;
use crate::console::page::{Frame, Link, Page, Place, gone_to};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

const TEXT: &str = "text";
const JSON: &str = "json";

type Claims = BTreeMap<String, Value>;

fn columns(t: Texts) -> [Column; 3] {
    let kinds = vec![Choice::new(TEXT, t.of("own-claim-text")), Choice::new(JSON, t.of("own-claim-json"))];
    [
        Column::new("claim", "own-claim-name"),
        Column::of("claim_kind", "own-claim-kind", kinds),
        Column::new("claim_value", "own-claim-value"),
    ]
}

/// Whether a text comes back from a field as it was.
fn fits_a_field(text: &str) -> bool {
    text.trim() == text && !text.contains(char::is_control)
}

/// Whether a claim can be a row. One whose name cannot is left as it is.
fn can_be_shown(name: &str) -> bool {
    !name.is_empty() && fits_a_field(name)
}

/// Claims as they stand in the fields.
fn filled(claims: &Claims) -> Form {
    let mut fields = Vec::new();
    for (name, value) in claims.iter().filter(|(name, _)| can_be_shown(name)) {
        let (kind, text) = match value {
            Value::String(text) if fits_a_field(text) => (TEXT, text.clone()),
            other => (JSON, other.to_string()),
        };
        let row = [("claim", name.clone()), ("claim_kind", kind.to_owned()), ("claim_value", text)];
        fields.extend(row.map(|(name, value)| (name.to_owned(), value)));
    }
    Form::of(fields)
}

/// The claims that were entered, with those of before that no field can show.
fn read(form: &Form, t: Texts, before: &Claims) -> Result<Claims, Mistakes> {
    let mut mistakes = Mistakes::default();
    let mut claims: Claims =
        before.iter().filter(|(name, _)| !can_be_shown(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
    for [name, kind, text] in rows(form, &columns(t)) {
        if name.is_empty() {
            mistakes.add("claims", t.of("own-claim-nameless"));
            continue;
        }
        let value = if kind == JSON {
            serde_json::from_str(&text).unwrap_or_else(|error| {
                let values = [("name", name.as_str()), ("error", &*error.to_string())];
                mistakes.add("claims", t.with("own-claim-no-json", &values));
                Value::Null
            })
        } else {
            Value::String(text)
        };
        if claims.contains_key(&name) {
            mistakes.add("claims", t.one("own-claim-twice", name.as_str()));
        }
        claims.insert(name, value);
    }
    if mistakes.is_empty() { Ok(claims) } else { Err(mistakes) }
}

/// A client of an organization, for who may set its claims.
struct Editing<'a> {
    visitor: &'a Visitor,
    access: OrganizationAccess<'a>,
    at: (&'a str, &'a str),
    client: Client,
}

impl<'a> Editing<'a> {
    async fn enter(visitor: &'a Visitor, at: (&'a str, &'a str), client: &str) -> Result<Self, Failure> {
        let access = visitor.organization(Permission::WriteClients, at).await?;
        if !access.realm.is_operator() {
            return Err(Failure::Forbidden);
        }
        let id = ClientId::new(client).map_err(|_| Failure::NotFound)?;
        let found = access.realm.store().find_client(access.realm.id(), access.id(), &id).await?;
        let client = found.ok_or(Failure::NotFound)?.client;
        Ok(Self { visitor, access, at, client })
    }

    fn texts(&self) -> Texts {
        Place::in_organization(self.at).texts(self.visitor)
    }

    fn claims(&self) -> &Claims {
        &self.client.settings.claims
    }

    fn to(&self) -> String {
        address::organization(self.at.0, self.at.1, &["clients", self.client.id.as_str()])
    }

    /// The APIs that it may ask for.
    fn audiences(&self) -> Vec<Choice> {
        let view = self.access.realm.view();
        let settings = &self.client.settings;
        let policies = settings.policies.iter().filter_map(|id| view.policy(id)).map(|policy| &**policy);
        let mut found: Vec<_> = view
            .resource_servers()
            .filter(|server| effective_scopes(server, &settings.grants, policies.clone()).named)
            .map(|server| (&server.identifier, &server.settings.name))
            .collect();
        found.sort();
        found.into_iter().map(|(id, name)| Choice::new(id, named(name, id))).collect()
    }

    /// The token with what stands in the form.
    async fn preview(&self, audience: &str, claims: Claims) -> Result<preview::Shown, Failure> {
        let asked = Asked {
            organization: self.access.id().clone(),
            client: self.client.id.clone(),
            access_key: None,
            request: TokenRequest { audience: Some(audience.to_owned()), ..TokenRequest::default() },
            from: None,
            draft: None,
            claims: Some(claims),
        };
        preview::shown(self.visitor, self.texts(), &self.access.realm, &asked).await
    }

    async fn page(&self, form: &Form, mistakes: Mistakes) -> Result<Response, Failure> {
        let t = self.texts();
        let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        let settings = &self.client.settings;
        let chosen = form.filled("audience").or(settings.default_audience.as_deref()).unwrap_or_default();
        let audiences = self.audiences();
        let chosen = match audiences.first() {
            Some(first) if chosen.is_empty() => first.value().to_owned(),
            _ => chosen.to_owned(),
        };
        let preview = match read(form, t, self.claims()) {
            Err(_) => preview::Shown::refused(t.of("preview-mistakes")),
            Ok(_) if chosen.is_empty() => preview::Shown::refused(t.of("own-claims-no-audience")),
            Ok(claims) => self.preview(&chosen, claims).await?,
        };
        let name = named(&settings.name, self.client.id.as_str());
        let field = Field::rows("claims", "own-claims-title", columns(t).into()).hint("own-claims-hint");
        let content = FormContent {
            t,
            title: t.one("own-claims-edit-title", name.as_str()).into_owned(),
            mistake: mistakes.of("").unwrap_or_default().to_owned(),
            action: path(self.visitor).to_owned(),
            hidden: vec![version(self.client.version)],
            fields: Fields::filled(t, &[Group::new("", vec![field])], form, &mistakes),
            cancel: self.to(),
            audiences: ShownChoices::of(&audiences, &chosen),
            preview,
        };
        let crumbs = vec![
            Link::new(t.of("nav-organizations"), address::realm(self.at.0, &["organizations"])),
            Link::new(
                shown_name(&self.access.organization),
                address::organization(self.at.0, self.at.1, &[]),
            ),
            Link::new(t.of("clients"), address::organization(self.at.0, self.at.1, &["clients"])),
            Link::new(name, self.to()),
        ];
        let place = Place::in_organization(self.at);
        let frame = Frame::inside(self.visitor, &place, content.title.clone()).below(crumbs);
        Ok(Page::new(frame, content).with_status(status).into_response())
    }

    /// What stands in the way of saving, beside what was entered.
    fn changed_meanwhile(&self) -> Mistakes {
        let t = self.texts();
        let stored = match self.claims() {
            none if none.is_empty() => t.of("own-claims-none-stored").into_owned(),
            claims => serde_json::to_string(claims).unwrap_or_default(),
        };
        Mistakes::of_form(t.one("own-claims-meanwhile", stored))
    }
}

#[derive(Template)]
#[template(path = "operator/client_claims.html")]
struct FormContent {
    t: Texts,
    title: String,
    mistake: String,
    action: String,
    hidden: Hidden,
    fields: Fields,
    cancel: String,
    audiences: ShownChoices,
    preview: preview::Shown,
}

/// The form.
pub(super) async fn edit(
    visitor: Visitor,
    Path((realm, organization, client)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let editing = Editing::enter(&visitor, (&realm, &organization), &client).await?;
    editing.page(&filled(editing.claims()), Mistakes::default()).await
}

/// Saves what was entered, or shows what it would do.
pub(super) async fn update(
    visitor: Visitor,
    Path((realm, organization, client)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let editing = Editing::enter(&visitor, (&realm, &organization), &client).await?;
    if form.has("preview") {
        return editing.page(&form, Mistakes::default()).await;
    }
    let before = &editing.client;
    let claims = match read(&form, editing.texts(), editing.claims()) {
        Ok(claims) => claims,
        Err(mistakes) => return editing.page(&form, mistakes).await,
    };
    if form.number("version") != Ok(Some(before.version)) {
        return editing.page(&form, editing.changed_meanwhile()).await;
    }
    if claims == before.settings.claims {
        return Ok(gone_to(&editing.to(), "client-saved"));
    }
    let settings = ClientSettings { claims, ..before.settings.clone() };
    editing.access.realm.check_client(Some(&before.settings), &settings)?;
    let after = Client { settings, ..before.clone() };
    match edit::client::update(editing.access.realm.editor(), before, &after).await {
        Ok(_) => Ok(gone_to(&editing.to(), "client-claims-saved")),
        Err(error) => editing.page(&form, mistakes(error)?).await,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn claims_are_read_back_as_they_were_shown() {
        let all = claims(json!({
            "role": "custodian", "limit": 10, "number as text": "10", "none": null, "on": true, "list": [1, "a"],
            "object": {"a": {"b": " "}}, "spaces": " around ", "lines": "a\nb", "empty": "", "quote": "\"<b>\"",
            " name": "kept", "": 1, "a\nb": 2,
        }));
        assert_eq!(read(&filled(&all), Texts::default(), &all).unwrap(), all);
        assert_eq!(read(&filled(&Claims::new()), Texts::default(), &Claims::new()).unwrap(), Claims::new());
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let mistakes = |text: &[u8]| {
            let form = Form::parse(text).unwrap();
            read(&form, Texts::default(), &Claims::new()).unwrap_err().of("claims").unwrap().to_owned()
        };
        assert!(mistakes(b"claim=limit&claim_kind=json&claim_value=ten").contains("limit"));
        assert!(mistakes(b"claim=&claim_kind=text&claim_value=x").contains("name"));
        assert!(mistakes(b"claim=a&claim=a&claim_value=1&claim_value=2").contains("twice"));
    }
}
