//! The form of a realm's settings: all of them as fields, and fields as settings.

use symbolon_core::id::{OrganizationId, PolicyId};
use symbolon_core::policy::Grant;
use symbolon_core::protocol::algorithm::Algorithm;
use symbolon_core::quota::{Quota, QuotaMode};
use symbolon_core::realm::{Compatibility, PasswordTokens, RealmSettings, Vocabulary};
use symbolon_core::realm_view::RealmView;
use symbolon_core::self_service::SelfService;

use crate::console::form::{Form, Mistakes};
use crate::console::operator::fields::{Choice, Column, Field, Group, rows};
use crate::console::operator::licences::named;
use crate::console::operator::resource_server_form::{algorithms, number, scopes, words};
use crate::console::texts::Texts;

const COMPATIBILITIES: [(Compatibility, &str, &str); 4] = [
    (Compatibility::Default, "default", "realm-compatibility-default"),
    (Compatibility::Auth0, "auth0", "realm-compatibility-auth0"),
    (Compatibility::Keycloak, "keycloak", "realm-compatibility-keycloak"),
    (Compatibility::M3ter, "m3ter", "realm-compatibility-m3ter"),
];

const MODES: [(QuotaMode, &str, &str); 3] = [
    (QuotaMode::Off, "off", "quota-mode-off"),
    (QuotaMode::Monitor, "monitor", "quota-mode-monitor"),
    (QuotaMode::Enforce, "enforce", "quota-mode-enforce"),
];

/// Whose clients a realm can serve.
pub(super) fn compatibilities(t: Texts) -> Vec<Choice> {
    COMPATIBILITIES.map(|(_, name, text)| Choice::new(name, t.of(text))).into()
}

/// The one that was chosen.
pub(super) fn read_compatibility(form: &Form) -> Option<Compatibility> {
    let row = COMPATIBILITIES.into_iter().find(|(_, name, _)| *name == form.text("compatibility"));
    row.map(|(compatibility, ..)| compatibility)
}

fn servers(realm: &RealmView, t: Texts, none: &'static str) -> Vec<Choice> {
    let choice = |name: &str, identifier: &str| Choice::new(identifier, named(name, identifier));
    let servers = realm.resource_servers().map(|server| choice(&server.settings.name, &server.identifier));
    std::iter::once(Choice::new("", t.of(none))).chain(servers).collect()
}

fn columns(realm: &RealmView, t: Texts) -> [Column; 2] {
    [
        Column::of("self_audience", "licence-audience", servers(realm, t, "choose")),
        Column::new("self_scopes", "server-scopes"),
    ]
}

/// The fields of a quota.
pub(super) fn quota_fields(t: Texts, none: &'static str) -> Vec<Field> {
    let modes = MODES.map(|(_, name, text)| Choice::new(name, t.of(text)));
    let modes = std::iter::once(Choice::new("", t.of(none))).chain(modes).collect();
    vec![
        Field::choice("quota_mode", "quota-mode", modes),
        Field::number("quota_tokens", "quota-tokens").hint("quota-tokens-hint"),
    ]
}

/// A quota as it stands in its fields.
pub(super) fn filled_quota(quota: Option<Quota>) -> Vec<(String, String)> {
    let Some(Quota { tokens_per_hour, mode }) = quota else { return Vec::new() };
    let name = MODES.into_iter().find(|(other, ..)| *other == mode).map(|(_, name, _)| name);
    vec![
        ("quota_mode".to_owned(), name.unwrap_or_default().to_owned()),
        ("quota_tokens".to_owned(), tokens_per_hour.to_string()),
    ]
}

/// The quota that was entered.
pub(super) fn read_quota(form: &Form, t: Texts, mistakes: &mut Mistakes) -> Option<Quota> {
    let (mode, ..) = MODES.into_iter().find(|(_, name, _)| *name == form.text("quota_mode"))?;
    let tokens_per_hour = form.number("quota_tokens").unwrap_or_else(|()| {
        mistakes.add("quota_tokens", t.of("number-wrong"));
        None
    });
    Some(Quota { tokens_per_hour: tokens_per_hour.unwrap_or(0), mode })
}

/// The fields of all settings.
pub(super) fn groups(realm: &RealmView, t: Texts) -> Vec<Group> {
    let yes_or_no = vec![
        Choice::new("", t.of("realm-by-compatibility")),
        Choice::new("yes", t.of("yes")),
        Choice::new("no", t.of("no")),
    ];
    let words = vec![
        Choice::new("oauth", t.of("realm-vocabulary-oauth")),
        Choice::new("service-users", t.of("realm-vocabulary-service-users")),
    ];
    vec![
        Group::new(
            "realm-group-issuer",
            vec![
                Field::line("issuer", "realm-issuer").hint("realm-issuer-hint"),
                Field::lines("hosts", "realm-hosts").hint("realm-hosts-hint"),
                Field::choice("compatibility", "realm-compatibility", compatibilities(t))
                    .hint("realm-compatibility-hint"),
            ],
        ),
        Group::new(
            "realm-group-tokens",
            vec![
                Field::choice(
                    "signing_algorithm",
                    "server-algorithm",
                    algorithms(t, "realm-by-compatibility"),
                ),
                Field::line("token_type", "realm-token-type").hint("realm-token-type-hint"),
                Field::choice("bearer_claim", "realm-bearer-claim", yes_or_no),
                Field::choice(
                    "default_audience",
                    "realm-default-audience",
                    servers(realm, t, "realm-no-audience"),
                ),
                Field::number("default_lifetime", "realm-default-lifetime").required(),
                Field::number("maximum_lifetime", "realm-maximum-lifetime")
                    .hint("realm-maximum-lifetime-hint")
                    .required(),
            ],
        ),
        Group::new(
            "realm-group-people",
            vec![
                Field::choice("vocabulary", "realm-vocabulary", words).hint("realm-vocabulary-hint"),
                Field::number("safe_to_retire_days", "realm-safe-to-retire")
                    .hint("realm-safe-to-retire-hint")
                    .required(),
                Field::line("operators", "realm-operators").hint("realm-operators-hint"),
                Field::rows("self_grants", "realm-self-grants", columns(realm, t).into())
                    .hint("realm-self-grants-hint"),
                Field::lines("self_policies", "realm-self-policies").hint("realm-self-policies-hint"),
            ],
        ),
        Group::new("realm-group-quota", quota_fields(t, "quota-mode-none")),
        Group::new(
            "realm-group-password",
            vec![
                Field::check("password_on", "realm-password-on").hint("realm-password-hint"),
                Field::choice("password_audience", "licence-audience", servers(realm, t, "choose")),
                Field::number("password_lifetime", "realm-password-lifetime"),
            ],
        ),
    ]
}

/// Settings as they stand in the fields.
pub(super) fn filled(settings: &RealmSettings) -> Form {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let compatibility = COMPATIBILITIES.into_iter().find(|(other, ..)| *other == settings.compatibility);
    let bearer = match settings.bearer_claim {
        None => "",
        Some(true) => "yes",
        Some(false) => "no",
    };
    let vocabulary = match settings.vocabulary {
        Vocabulary::Oauth => "oauth",
        Vocabulary::ServiceUsers => "service-users",
    };
    let policies: Vec<&str> = settings.self_service.policies.iter().map(PolicyId::as_str).collect();
    let mut fields = vec![
        ("issuer", text(&settings.issuer)),
        ("hosts", settings.hosts.join("\n")),
        ("compatibility", compatibility.map(|(_, name, _)| name).unwrap_or_default().to_owned()),
        ("signing_algorithm", settings.signing_algorithm.map(|one| one.to_string()).unwrap_or_default()),
        ("token_type", text(&settings.token_type)),
        ("bearer_claim", bearer.to_owned()),
        ("default_audience", text(&settings.default_audience)),
        ("default_lifetime", settings.default_lifetime.to_string()),
        ("maximum_lifetime", settings.maximum_lifetime.to_string()),
        ("vocabulary", vocabulary.to_owned()),
        ("safe_to_retire_days", settings.safe_to_retire_days.to_string()),
        ("operators", settings.operators.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("self_policies", policies.join("\n")),
    ];
    for grant in &settings.self_service.grants {
        fields.push(("self_audience", grant.audience.clone()));
        fields.push(("self_scopes", grant.scopes.to_string()));
    }
    if let Some(PasswordTokens { audience, lifetime }) = &settings.password_tokens {
        fields.push(("password_on", "on".to_owned()));
        fields.push(("password_audience", audience.clone()));
        fields.push(("password_lifetime", lifetime.to_string()));
    }
    let mut fields: Vec<_> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    fields.extend(filled_quota(settings.quota));
    Form::of(fields)
}

fn self_service(form: &Form, realm: &RealmView, t: Texts, mistakes: &mut Mistakes) -> SelfService {
    let mut offered = SelfService::default();
    for [audience, words] in rows(form, &columns(realm, t)) {
        match scopes(&words) {
            Ok(scopes) if !audience.is_empty() => offered.grants.push(Grant { audience, scopes }),
            Ok(_) => mistakes.add("self_grants", t.of("realm-self-grants-wrong")),
            Err(mistake) => mistakes.add("self_grants", mistake),
        }
    }
    for id in words(form, "self_policies") {
        let id = PolicyId::new(&id).ok().filter(|id| realm.policy(id).is_some());
        match id {
            Some(id) => offered.policies.push(id),
            None => mistakes.add("self_policies", t.of("realm-self-policies-wrong")),
        }
    }
    offered
}

fn password_tokens(form: &Form, t: Texts, mistakes: &mut Mistakes) -> Option<PasswordTokens> {
    if !form.has("password_on") {
        return None;
    }
    let Some(audience) = form.filled("password_audience") else {
        mistakes.add("password_audience", t.of("choose-one"));
        return None;
    };
    let lifetime = number(form, "password_lifetime", t, mistakes).unwrap_or(3600);
    Some(PasswordTokens { audience: audience.to_owned(), lifetime })
}

/// The settings that were entered.
pub(super) fn read(form: &Form, realm: &RealmView, t: Texts) -> Result<RealmSettings, Mistakes> {
    let mut mistakes = Mistakes::default();
    let text = |name: &str| form.filled(name).map(str::to_owned);
    let mut needed = |name: &'static str| match form.number::<i64>(name) {
        Ok(Some(number)) => number,
        _ => {
            mistakes.add(name, t.of("number-wrong"));
            0
        }
    };
    let (default_lifetime, maximum_lifetime) = (needed("default_lifetime"), needed("maximum_lifetime"));
    let safe_to_retire_days = needed("safe_to_retire_days");
    let operators = form.filled("operators").map(OrganizationId::new).transpose().unwrap_or_else(|_| {
        mistakes.add("operators", t.of("realm-operators-wrong"));
        None
    });
    let compatibility = read_compatibility(form).unwrap_or_else(|| {
        mistakes.add("compatibility", t.of("choose-one"));
        Compatibility::Default
    });
    let settings = RealmSettings {
        issuer: text("issuer"),
        hosts: words(form, "hosts"),
        compatibility,
        signing_algorithm: form.filled("signing_algorithm").and_then(Algorithm::from_name),
        token_type: text("token_type"),
        bearer_claim: match form.text("bearer_claim") {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
        default_audience: text("default_audience"),
        default_lifetime,
        maximum_lifetime,
        password_tokens: password_tokens(form, t, &mut mistakes),
        vocabulary: match form.text("vocabulary") {
            "service-users" => Vocabulary::ServiceUsers,
            _ => Vocabulary::Oauth,
        },
        safe_to_retire_days,
        operators,
        self_service: self_service(form, realm, t, &mut mistakes),
        quota: read_quota(form, t, &mut mistakes),
    };
    if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
}

#[cfg(test)]
mod tests {
    use symbolon_core::clock::Timestamp;
    use symbolon_core::policy::Policy;
    use symbolon_core::realm::{Realm, RealmId, Status};

    use super::*;

    fn realm() -> RealmView {
        let realm = Realm {
            id: RealmId::new("r").unwrap(),
            status: Status::Active,
            settings: RealmSettings::default(),
            longest_lifetime: 0,
            version: 1,
            created_at: Timestamp::default(),
        };
        let policy = Policy { id: PolicyId::new("pol").unwrap(), ..Policy::administrator().unwrap() };
        RealmView::new(realm, "https://auth.example", false).with_policies(vec![policy])
    }

    #[test]
    fn what_is_shown_is_read_back_as_it_was() {
        let json = r#"{"issuer": "https://sso.example/", "hosts": ["a.example", "b.example"], "compatibility": "keycloak",
            "signing_algorithm": "Ed25519", "token_type": "JWT", "bearer_claim": false,
            "default_audience": "https://gone.example", "default_lifetime": 60, "maximum_lifetime": 120,
            "password_tokens": {"audience": "https://v1.example", "lifetime": 90}, "vocabulary": "service-users",
            "safe_to_retire_days": 3, "operators": "staff",
            "self_service": {"grants": [{"audience": "https://a.example", "scopes": ["read:a", "b"]}], "policies": ["pol"]},
            "quota": {"tokens_per_hour": 5, "mode": "monitor"}}"#;
        let settings: RealmSettings = serde_json::from_str(json).unwrap();
        assert_eq!(read(&filled(&settings), &realm(), Texts::default()).unwrap(), settings);
        let none = RealmSettings::default();
        assert_eq!(read(&filled(&none), &realm(), Texts::default()).unwrap(), none);
    }

    #[test]
    fn what_cannot_be_read_is_said_where_it_stands() {
        let mistakes = |text: &str| {
            let base = "default_lifetime=1&maximum_lifetime=1&safe_to_retire_days=1&compatibility=default";
            let form = Form::parse(format!("{text}&{base}").as_bytes()).unwrap();
            read(&form, &realm(), Texts::default()).unwrap_err()
        };
        assert!(mistakes("default_lifetime=").of("default_lifetime").is_some());
        assert!(mistakes("operators=a%20b").of("operators").is_some());
        assert!(mistakes("self_policies=none").of("self_policies").is_some());
        assert!(mistakes("self_scopes=a").of("self_grants").is_some());
        assert!(mistakes("password_on=on").of("password_audience").is_some());
        assert!(mistakes("quota_mode=enforce&quota_tokens=many").of("quota_tokens").is_some());
    }
}
