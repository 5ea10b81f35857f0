//! The client credentials grant (RFC 6749 §4.4): audience, licence, scope and lifetime, in that order (rule 5).

use std::sync::Arc;

use symbolon_protocol::scope::ScopeSet;

use crate::authenticate::{Admitted, AuthenticatedClient};
use crate::clock::Timestamp;
use crate::grant::{ApprovedGrant, Decision, Holder, Subject, lifetime};
use crate::licence::{self, Licence, NoLicence};
use crate::policy::{Effective, effective_scopes};
use crate::refusal::Reason;
use crate::resource_server::{ResourceServer, comparable, is_absolute_uri};

/// What a client asks for.
#[derive(Clone, Debug, Default)]
pub struct TokenRequest {
    /// The `scope` parameter.
    pub scope: Option<String>,
    /// The `audience` parameter.
    pub audience: Option<String>,
    /// The `resource` parameters (RFC 8707).
    pub resources: Vec<String>,
}

/// Decides what a client gets.
pub fn decide(
    client: &AuthenticatedClient,
    request: &TokenRequest,
    now: Timestamp,
) -> Result<ApprovedGrant, Reason> {
    Ok(ApprovedGrant { decision: decide_for(client.admitted(), request, now)?, from: client.from() })
}

/// The same, for a client of which nobody has proved to be it.
pub(crate) fn decide_for(
    client: &Admitted,
    request: &TokenRequest,
    now: Timestamp,
) -> Result<Decision, Reason> {
    let (resource_server, effective) = audience(client, request)?;
    let licence = licence(client, &resource_server, now)?;
    let scopes = scopes(request.scope.as_deref(), effective.scopes)?;
    let settings = &client.realm().realm().settings;
    let wanted = client.client().settings.lifetime.or(resource_server.settings.lifetime);
    let licence_end = licence.and_then(|licence| licence.ends_at);
    let key_end = client.key().expires_at;
    let ends = [licence_end, key_end];
    let lifetime =
        lifetime(wanted.unwrap_or(settings.default_lifetime), settings.maximum_lifetime, ends, now);
    let Some(lifetime) = lifetime else {
        // Less than a second is left of the licence or the key: for a token that is the end.
        return Err(match (licence_end, key_end) {
            (Some(end), None) => Reason::Licence(NoLicence::Ended(end)),
            (Some(end), Some(key_end)) if end < key_end => Reason::Licence(NoLicence::Ended(end)),
            (_, key_end) => Reason::KeyExpired(client.key().id.to_string(), key_end.unwrap_or(now)),
        });
    };
    Ok(Decision {
        realm: Arc::clone(client.realm()),
        resource_server,
        holder: Holder::Client { client: client.id().clone(), key: client.key().id.clone() },
        scopes,
        lifetime,
        subject: Subject::Client(Arc::clone(client.known())),
        customer: Arc::clone(client.customer()),
        licence: licence.map(|licence| licence.id.clone()),
        as_of: client.as_of(),
    })
}

/// The resource server that a request is about, if there is one: for the record of a refusal.
pub fn resource_server(client: &AuthenticatedClient, request: &TokenRequest) -> Option<String> {
    let asked = asked_audience(request).ok()?;
    let settings = &client.realm().realm().settings;
    let default =
        || client.client().settings.default_audience.as_deref().or(settings.default_audience.as_deref());
    let server = client.realm().resource_server(asked.as_deref().or_else(default)?)?;
    Some(server.identifier.clone())
}

/// Rule 2: what the request names, else the client's default, else the realm's.
fn audience(client: &Admitted, request: &TokenRequest) -> Result<(Arc<ResourceServer>, Effective), Reason> {
    let realm = client.realm();
    if let Some(audience) = asked_audience(request)? {
        return named_audience(client, &audience);
    }
    if let Some(audience) = &client.client().settings.default_audience {
        return named_audience(client, audience);
    }
    let audience = realm.realm().settings.default_audience.as_ref().ok_or(Reason::NoAudience)?;
    // Falling to the realm's default needs no grant: the token is then empty, and the API says 403.
    let server = known_audience(client, audience)?;
    let effective = effective(client, &server);
    Ok((server, effective))
}

fn named_audience(client: &Admitted, audience: &str) -> Result<(Arc<ResourceServer>, Effective), Reason> {
    let server = known_audience(client, audience)?;
    let effective = effective(client, &server);
    if !effective.named {
        return Err(Reason::AudienceNotGranted(audience.to_owned()));
    }
    Ok((server, effective))
}

fn known_audience(client: &Admitted, audience: &str) -> Result<Arc<ResourceServer>, Reason> {
    let server = client
        .realm()
        .resource_server(audience)
        .ok_or_else(|| Reason::UnknownAudience(audience.to_owned()))?;
    if !server.status.is_active() {
        return Err(Reason::AudienceDisabled(audience.to_owned()));
    }
    Ok(Arc::clone(server))
}

fn effective(client: &Admitted, server: &ResourceServer) -> Effective {
    let settings = &client.client().settings;
    let policies = settings.policies.iter().filter_map(|id| client.realm().policy(id)).map(Arc::as_ref);
    effective_scopes(server, &settings.grants, policies)
}

/// The one audience that `audience` and `resource` name together.
fn asked_audience(request: &TokenRequest) -> Result<Option<String>, Reason> {
    let mut asked = request.audience.iter().chain(&request.resources);
    let Some(first) = asked.next() else { return Ok(None) };
    if asked.any(|other| comparable(other) != comparable(first)) {
        return Err(Reason::SeveralAudiences);
    }
    if let Some(bad) = request.resources.iter().find(|resource| !is_absolute_uri(resource)) {
        return Err(Reason::MalformedAudience(bad.clone()));
    }
    Ok(Some(first.clone()))
}

/// Rule 3.
fn licence<'a>(
    client: &'a Admitted,
    server: &ResourceServer,
    now: Timestamp,
) -> Result<Option<&'a Licence>, Reason> {
    if !server.settings.requires_licence {
        return Ok(None);
    }
    let kind = client.client().settings.licence_kind;
    Ok(Some(licence::covering(&client.customer().licences, &server.identifier, kind, now)?))
}

/// Narrows what was asked to what is effective. Nothing asked is everything; the scopes that OpenID-minded
/// clients send out of habit do not count as asked.
fn scopes(asked: Option<&str>, effective: ScopeSet) -> Result<ScopeSet, Reason> {
    let Some(asked) = asked else { return Ok(effective) };
    let mut asked = ScopeSet::parse(asked).map_err(|_| Reason::MalformedScope)?;
    asked.retain(|scope| !scope.is_openid());
    if asked.is_empty() {
        return Ok(effective);
    }
    let granted = asked.intersection(&effective);
    if granted.is_empty() { Err(Reason::Scopes(asked.to_string())) } else { Ok(granted) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    #[test]
    fn asking_for_more_narrows_and_for_nothing_gives_all() {
        let granted = |asked| scopes(asked, set("read:a write:a"));
        assert_eq!(granted(None), Ok(set("read:a write:a")));
        assert_eq!(granted(Some("openid profile")), Ok(set("read:a write:a")));
        assert_eq!(granted(Some("openid read:a delete:a")), Ok(set("read:a")));
        assert_eq!(granted(Some("delete:a openid")), Err(Reason::Scopes("delete:a".to_owned())));
        assert_eq!(granted(Some("a\"b")), Err(Reason::MalformedScope));
    }

    #[test]
    fn audience_and_resource_must_agree() {
        let ask = |audience: Option<&str>, resources: &[&str]| {
            asked_audience(&TokenRequest {
                scope: None,
                audience: audience.map(str::to_owned),
                resources: resources.iter().map(|r| (*r).to_owned()).collect(),
            })
        };
        assert_eq!(ask(None, &[]), Ok(None));
        assert_eq!(ask(Some("https://a/"), &["https://a", "https://a/"]), Ok(Some("https://a/".to_owned())));
        assert_eq!(ask(Some("https://a"), &["https://b"]), Err(Reason::SeveralAudiences));
        assert_eq!(ask(None, &["https://a", "https://b"]), Err(Reason::SeveralAudiences));
        assert!(matches!(ask(None, &["https://a#f"]), Err(Reason::MalformedAudience(_))));
    }

    proptest! {
        /// Threat 18: whatever is asked, nothing beyond the effective scopes is granted.
        #[test]
        fn granted_is_a_part_of_effective(asked in "[a-d: ]{0,20}", effective in "[a-d: ]{0,20}") {
            let effective = set(&effective);
            if let Ok(granted) = scopes(Some(&asked), effective.clone()) {
                prop_assert!(effective.contains_all(&granted));
            }
        }
    }
}
