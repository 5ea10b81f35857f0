//! Try it: gets a token with a secret that somebody pastes, in the way in which the token endpoint does, and shows what
//! is in it.
//!
//! It is a real token: the secret is checked as ever, failures count, the client's networks hold for whoever tries, and
//! the record is durable before the page leaves. The secret is kept nowhere and is not in the answer; nor is the token,
//! only what can be read of it.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::authenticate::authenticate;
use symbolon_core::authority::RefusedRequest;
use symbolon_core::client::Client;
use symbolon_core::grant::client_credentials::{self, TokenRequest};
use symbolon_core::issue::issue;
use symbolon_core::named::Named;
use symbolon_core::permission::Permission;
use symbolon_core::protocol::client_auth::{Method, Pair, UnverifiedCredentials};
use symbolon_core::protocol::parameters::Text;
use symbolon_core::refusal::{Reason, Refusal};
use symbolon_core::secret::Secret;

use crate::console::customer::room::Room;
use crate::console::customer::scopes;
use crate::console::customer::token_view::TokenView;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::page::{Page, sentence};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// As at the token endpoint, nothing is decided longer.
const LONGEST: Duration = Duration::from_secs(3);
/// The longest secret, audience or scope that is looked at.
const LONGEST_FIELD: usize = 4096;

/// A token that was got.
struct Got {
    key: String,
    scope: String,
    token: TokenView,
    request_id: String,
}

#[derive(Template)]
#[template(path = "customer/try_it.html")]
struct TryContent {
    t: Texts,
    title: String,
    action: String,
    back: String,
    audiences: Vec<String>,
    audience: String,
    scope: String,
    got: Option<Got>,
    mistakes: Mistakes,
    request_id: String,
}

/// What is asked for.
#[derive(Clone, Default)]
struct Asked {
    audience: String,
    scope: String,
}

fn page(
    room: &Room<'_>,
    client: &Client,
    (asked, got, mistakes): (Asked, Option<Got>, Mistakes),
) -> Response {
    let title = room.t.of("try-title").into_owned();
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let audiences = scopes::audiences(room.view(), &client.settings);
    let content = TryContent {
        t: room.t,
        title: title.clone(),
        action: room.to_client(&client.id, &["try"]),
        back: room.to_client(&client.id, &[]),
        audiences,
        audience: asked.audience,
        scope: asked.scope,
        got,
        mistakes,
        request_id: room.once(),
    };
    Page::new(room.client_frame(title, client, false), content).with_status(status).into_response()
}

/// The form.
pub(super) async fn ask(
    visitor: Visitor,
    Path((realm, organization, client)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::ReadClients, (&realm, &organization)).await?;
    let client = room.client(&client).await?.client;
    let audience = scopes::only_audience(room.view(), &client.settings);
    let asked = Asked { audience, ..Asked::default() };
    Ok(page(&room, &client, (asked, None, Mistakes::default())))
}

/// Gets a token.
pub(super) async fn get_token(
    visitor: Visitor,
    Path((realm, organization, client)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::ReadClients, (&realm, &organization)).await?;
    let client = room.client(&client).await?.client;
    // As the endpoint answers: a realm that is switched off is not there.
    if !room.view().realm().status.is_active() {
        return Err(Failure::NotFound);
    }
    let asked = Asked { audience: form.text("audience").to_owned(), scope: form.text("scope").to_owned() };
    let secret = Secret::new(form.text("secret").to_owned());
    let mut mistakes = Mistakes::default();
    for (name, value) in
        [("secret", secret.expose()), ("audience", asked.audience.as_str()), ("scope", asked.scope.as_str())]
    {
        if value.len() > LONGEST_FIELD {
            mistakes.add(name, room.t.of("try-too-long"));
        }
    }
    if secret.expose().is_empty() {
        mistakes.add("secret", room.t.of("try-secret-missing"));
    }
    if !mistakes.is_empty() {
        return Ok(page(&room, &client, (asked, None, mistakes)));
    }
    match attempt(&room, &client, (&asked, &secret)).await {
        Ok(got) => Ok(page(&room, &client, (asked, Some(got), Mistakes::default()))),
        Err(refusal) => {
            let text = refused(&room, &client, &refusal).await;
            Ok(page(&room, &client, (asked, None, Mistakes::of_form(text))))
        }
    }
}

/// Authenticates, decides and issues, as for any request of the client.
async fn attempt(
    room: &Room<'_>,
    client: &Client,
    (asked, secret): (&Asked, &Secret),
) -> Result<Got, Refusal> {
    let work = async {
        let pair = Pair { id: Text::Plain(client.id.as_str()), secret: Text::Plain(secret.expose()) };
        let credentials = UnverifiedCredentials { method: Method::Body, readings: vec![pair] };
        let authority = room.access.realm.authority();
        let proved = authenticate(authority, room.access.realm.view(), &credentials, from(room)).await?;
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let request = TokenRequest {
            audience: filled(&asked.audience),
            scope: filled(&asked.scope),
            resources: Vec::new(),
        };
        let about = |refusal: Refusal| Refusal {
            audience: client_credentials::resource_server(&proved, &request),
            ..refusal
        };
        let grant = client_credentials::decide(&proved, &request, room.now())
            .map_err(Refusal::from)
            .map_err(about)?;
        let issued = issue(authority, &grant, &room.once()).await.map_err(about)?;
        let token = TokenView::of(room.t, &issued.token, room.now()).ok_or(Reason::SigningFailed)?;
        let (key, scope) = (proved.key().id.to_string(), issued.scopes.to_string());
        Ok(Got { key, scope, token, request_id: room.once() })
    };
    let in_time = tokio::time::timeout(LONGEST, work).await;
    in_time.unwrap_or_else(|_| Err(Reason::StoreUnavailable("it has not answered in time".to_owned()).into()))
}

fn from(room: &Room<'_>) -> IpAddr {
    room.visitor.asked.from.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
}

/// Puts a refusal on record as the endpoint does, waits as it does, and says what the client would have been told.
async fn refused(room: &Room<'_>, client: &Client, refusal: &Refusal) -> String {
    let request_id = room.once();
    room.access.realm.authority().note_refusal(
        refusal,
        &RefusedRequest {
            request_id: &request_id,
            realm: room.realm(),
            endpoint: "token",
            named: Named::Client(&[client.id.to_string()]),
            from: from(room),
        },
    );
    if let Some(moment) = refusal.hold_until {
        tokio::time::sleep_until(moment).await;
    }
    let code = refusal.code().name();
    let text = sentence(&refusal.reason.public_text());
    room.t.with("try-refused", &[("code", code), ("text", &text)]).into_owned()
}
