//! A refusal in two halves: what the client is told, and the exact reason, which only the operator sees.
//!
//! The public half keeps to the OAuth error table and never tells an unknown client from a wrong secret. The
//! private half goes to the record of refusals under the request id, where `explain` finds it.

use std::time::Duration;

use symbolon_protocol::client_auth::ClientAuthError;
use symbolon_protocol::error::ErrorCode;
use symbolon_protocol::parameters::ParametersError;
use symbolon_protocol::rate_limit::ServiceLimit;

use crate::claim_map::EvaluationError;
use crate::clock::Timestamp;
use crate::licence::NoLicence;
use crate::sign_in::passkey::PasskeyFault;

/// The text for every failed client authentication, whatever failed (Keycloak's own, which clients know).
pub const INVALID_CLIENT: &str = "Invalid client or Invalid client credentials";
/// The text for every failed password.
pub const INVALID_PASSWORD: &str = "Invalid email or password";

/// The exact reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The request came with another method than POST.
    #[error("the request came with a method other than POST")]
    Method,
    /// The body is of a media type that is not read.
    #[error("the Content-Type is neither a form nor JSON")]
    ContentType,
    /// Credentials in the URL.
    #[error("the URL carries credentials, which land in logs")]
    CredentialsInUrl,
    /// The body could not be read.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// The credentials could not be read.
    #[error(transparent)]
    Credentials(#[from] ClientAuthError),
    /// A required parameter is not there.
    #[error("the parameter {0} is missing")]
    Missing(&'static str),
    /// A parameter is longer than anything it could be.
    #[error("the parameter {0} is too long")]
    TooLong(&'static str),
    /// The grant type is not offered.
    #[error("the grant type {0:?} is not offered")]
    GrantType(String),
    /// No client or access key of that id.
    #[error("there is no client and no access key of this id in the realm")]
    UnknownClient,
    /// The secret has a wrong checksum: it was mistyped, or is an invention.
    #[error("the secret's checksum is wrong: it was mistyped or cut off")]
    DamagedSecret,
    /// The secret is not that of any key that the id names.
    #[error("the secret matches no access key of the client")]
    WrongSecret,
    /// The secret is right, but its key is inactive.
    #[error("the secret is right, but access key {0} is INACTIVE")]
    KeyInactive(String),
    /// The secret is right, but its key has expired.
    #[error("the secret is right, but access key {0} expired at {1}")]
    KeyExpired(String, Timestamp),
    /// The client is disabled.
    #[error("the secret is right, but the client is disabled")]
    ClientDisabled,
    /// The organization is disabled.
    #[error("the secret is right, but the organization is disabled")]
    OrganizationDisabled,
    /// The request came from a network that the client may not use.
    #[error("the secret is right, but {0} is in none of the client's allowed networks")]
    NetworkForbidden(std::net::IpAddr),
    /// No user of that email.
    #[error("there is no user of this email in the realm")]
    UnknownUser,
    /// The password is wrong, or none is set.
    #[error("the password is wrong, or none is set")]
    WrongPassword,
    /// The user is disabled.
    #[error("the password is right, but the user is disabled")]
    UserDisabled,
    /// The user belongs to no organization.
    #[error("the password is right, but the user is a member of no organization")]
    NoMembership,
    /// The realm is disabled.
    #[error("the realm is disabled")]
    RealmDisabled,
    /// A code is not the one of now, or none is set up.
    #[error("the password is right, but the code is wrong, or none is set up")]
    WrongCode,
    /// A code came a second time.
    #[error("the password is right, but the code was used before")]
    UsedCode,
    /// So many codes of this user were wrong that none is looked at for a while.
    #[error("the password is right, but too many codes of this user were wrong: none is read for {0:?}")]
    TooManyCodes(Duration),
    /// A passkey did not prove anything.
    #[error("the passkey is refused: {0}")]
    Passkey(#[from] PasskeyFault),
    /// What was begun is too old, was changed, or belongs to somebody who has changed since.
    #[error("the sign-in took too long, or what it was begun with has changed: it has to begin anew")]
    SignInExpired,
    /// No resource server of that identifier.
    #[error("no resource server has the identifier {0:?}")]
    UnknownAudience(String),
    /// The resource server is disabled.
    #[error("the resource server {0:?} is disabled")]
    AudienceDisabled(String),
    /// `audience` and `resource` name different things, or several.
    #[error("the request names more than one audience")]
    SeveralAudiences,
    /// The audience has a form that RFC 8707 does not allow.
    #[error("{0:?} is not an absolute URI without fragment")]
    MalformedAudience(String),
    /// Neither a grant nor a policy names the audience.
    #[error("neither a grant nor a policy gives the client anything at {0:?}")]
    AudienceNotGranted(String),
    /// Neither request, client nor realm names an audience.
    #[error("no audience was asked for, and neither client nor realm has a default")]
    NoAudience,
    /// No licence opens the audience.
    #[error(transparent)]
    Licence(#[from] NoLicence),
    /// None of the scopes asked for is granted.
    #[error("none of the scopes asked for is granted: {0}")]
    Scopes(String),
    /// A scope that cannot be one.
    #[error("the scope parameter is malformed")]
    MalformedScope,
    /// Too many failures of this id from this network.
    #[error("too many failures of this id from this network; the last one: {0}")]
    TooManyFailures(Box<Reason>),
    /// Too many failures from this network, whatever the ids.
    #[error("too many failures from this network; the last one: {0}")]
    TooManyFromNetwork(Box<Reason>),
    /// The client has got all tokens that its quota allows in this hour.
    #[error("the client's quota of {0} tokens an hour is used up")]
    QuotaExceeded(u32),
    /// Too many passwords at once.
    #[error("too many passwords are being checked at once")]
    PasswordsBusy,
    /// The journal takes no more at the moment.
    #[error("the journal's queue is full")]
    JournalFull,
    /// The journal could not be written.
    #[error("the journal could not be written: {0}")]
    JournalFailed(String),
    /// The database does not answer.
    #[error("the database is not available: {0}")]
    StoreUnavailable(String),
    /// The directory was not confirmed in time.
    #[error("the directory was last confirmed {0:?} ago")]
    DirectoryTooOld(Duration),
    /// A revocation reaches into the future, or is open, for something that is active.
    #[error("a revocation of the client or what it belongs to reaches to now; the clock may have gone back")]
    RevokedUntilNow,
    /// The realm has no key to sign with yet.
    #[error("the realm has no signing key for {0}")]
    NoSigningKey(&'static str),
    /// An expression of the API's claim map gave no value for this client.
    #[error("the claim {claim:?} of {audience:?} cannot be computed: {error}")]
    Claim {
        /// The API whose map it is.
        audience: Box<str>,
        /// The claim.
        claim: Box<str>,
        /// Why not.
        error: Box<EvaluationError>,
    },
    /// The cryptographic library failed.
    #[error("signing failed")]
    SigningFailed,
}

impl Reason {
    /// Every name that [`Self::name`] gives, in order.
    pub const NAMES: [&str; 48] = [
        "audience_disabled",
        "audience_not_granted",
        "claim",
        "client_disabled",
        "content_type",
        "credentials_in_url",
        "damaged_secret",
        "directory_too_old",
        "grant_type",
        "journal_failed",
        "journal_full",
        "key_expired",
        "key_inactive",
        "licence",
        "malformed_audience",
        "malformed_body",
        "malformed_credentials",
        "malformed_scope",
        "method",
        "missing_parameter",
        "network_forbidden",
        "no_audience",
        "no_credentials",
        "no_membership",
        "no_signing_key",
        "organization_disabled",
        "oversized_parameter",
        "passkey",
        "passwords_busy",
        "quota_exceeded",
        "realm_disabled",
        "revoked_until_now",
        "scopes",
        "several_audiences",
        "sign_in_expired",
        "signing_failed",
        "store_unavailable",
        "too_many_codes",
        "too_many_failures",
        "too_many_from_network",
        "unknown_audience",
        "unknown_client",
        "unknown_user",
        "used_code",
        "user_disabled",
        "wrong_code",
        "wrong_password",
        "wrong_secret",
    ];

    /// A stable name for records and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::ContentType => "content_type",
            Self::CredentialsInUrl => "credentials_in_url",
            Self::Parameters(_) => "malformed_body",
            Self::Credentials(ClientAuthError::Missing) => "no_credentials",
            Self::Credentials(_) => "malformed_credentials",
            Self::Missing(_) => "missing_parameter",
            Self::TooLong(_) => "oversized_parameter",
            Self::GrantType(_) => "grant_type",
            Self::UnknownClient => "unknown_client",
            Self::DamagedSecret => "damaged_secret",
            Self::WrongSecret => "wrong_secret",
            Self::KeyInactive(_) => "key_inactive",
            Self::KeyExpired(..) => "key_expired",
            Self::ClientDisabled => "client_disabled",
            Self::OrganizationDisabled => "organization_disabled",
            Self::NetworkForbidden(_) => "network_forbidden",
            Self::UnknownUser => "unknown_user",
            Self::WrongPassword => "wrong_password",
            Self::UserDisabled => "user_disabled",
            Self::NoMembership => "no_membership",
            Self::RealmDisabled => "realm_disabled",
            Self::WrongCode => "wrong_code",
            Self::UsedCode => "used_code",
            Self::TooManyCodes(_) => "too_many_codes",
            Self::Passkey(_) => "passkey",
            Self::SignInExpired => "sign_in_expired",
            Self::UnknownAudience(_) => "unknown_audience",
            Self::AudienceDisabled(_) => "audience_disabled",
            Self::SeveralAudiences => "several_audiences",
            Self::MalformedAudience(_) => "malformed_audience",
            Self::AudienceNotGranted(_) => "audience_not_granted",
            Self::NoAudience => "no_audience",
            Self::Licence(_) => "licence",
            Self::Scopes(_) => "scopes",
            Self::MalformedScope => "malformed_scope",
            Self::TooManyFailures(_) => "too_many_failures",
            Self::TooManyFromNetwork(_) => "too_many_from_network",
            Self::QuotaExceeded(_) => "quota_exceeded",
            Self::PasswordsBusy => "passwords_busy",
            Self::JournalFull => "journal_full",
            Self::JournalFailed(_) => "journal_failed",
            Self::StoreUnavailable(_) => "store_unavailable",
            Self::DirectoryTooOld(_) => "directory_too_old",
            Self::RevokedUntilNow => "revoked_until_now",
            Self::NoSigningKey(_) => "no_signing_key",
            Self::Claim { .. } => "claim",
            Self::SigningFailed => "signing_failed",
        }
    }

    /// The code that the client is told.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Method => ErrorCode::MethodNotAllowed,
            Self::ContentType => ErrorCode::UnsupportedMediaType,
            Self::Credentials(ClientAuthError::Missing | ClientAuthError::MalformedBasic)
            | Self::UnknownClient
            | Self::DamagedSecret
            | Self::WrongSecret
            | Self::KeyInactive(_)
            | Self::KeyExpired(..)
            | Self::ClientDisabled
            | Self::OrganizationDisabled
            | Self::NetworkForbidden(_) => ErrorCode::InvalidClient,
            Self::CredentialsInUrl
            | Self::Parameters(_)
            | Self::Credentials(_)
            | Self::Missing(_)
            | Self::TooLong(_) => ErrorCode::InvalidRequest,
            Self::GrantType(_) => ErrorCode::UnsupportedGrantType,
            Self::UnknownUser
            | Self::WrongPassword
            | Self::UserDisabled
            | Self::NoMembership
            | Self::RealmDisabled
            | Self::WrongCode
            | Self::UsedCode
            | Self::Passkey(_)
            | Self::SignInExpired => ErrorCode::InvalidGrant,
            Self::UnknownAudience(_)
            | Self::AudienceDisabled(_)
            | Self::SeveralAudiences
            | Self::MalformedAudience(_)
            | Self::AudienceNotGranted(_)
            | Self::NoAudience => ErrorCode::InvalidTarget,
            Self::Licence(_) => ErrorCode::UnauthorizedClient,
            Self::Scopes(_) | Self::MalformedScope => ErrorCode::InvalidScope,
            Self::TooManyFailures(_)
            | Self::TooManyFromNetwork(_)
            | Self::QuotaExceeded(_)
            | Self::TooManyCodes(_) => ErrorCode::TooManyRequests,
            Self::PasswordsBusy
            | Self::JournalFull
            | Self::JournalFailed(_)
            | Self::StoreUnavailable(_)
            | Self::DirectoryTooOld(_)
            | Self::RevokedUntilNow
            | Self::NoSigningKey(_) => ErrorCode::TemporarilyUnavailable,
            Self::Claim { .. } | Self::SigningFailed => ErrorCode::ServerError,
        }
    }

    /// The sentence that the client is told.
    pub fn public_text(&self) -> String {
        match self.code() {
            ErrorCode::InvalidClient => INVALID_CLIENT.to_owned(),
            ErrorCode::InvalidGrant => INVALID_PASSWORD.to_owned(),
            ErrorCode::TooManyRequests if matches!(self, Self::QuotaExceeded(_)) => {
                "The client has used up its tokens of this hour; try again later".to_owned()
            }
            ErrorCode::TooManyRequests => "Too many failed attempts; try again later".to_owned(),
            ErrorCode::TemporarilyUnavailable => {
                "The service is temporarily unavailable; try again later".to_owned()
            }
            ErrorCode::ServerError => "Internal error".to_owned(),
            _ => match self {
                Self::Method => "Use POST".to_owned(),
                Self::ContentType => {
                    "Content-Type must be application/x-www-form-urlencoded or application/json".to_owned()
                }
                Self::CredentialsInUrl => "Credentials must not be sent in the URL".to_owned(),
                Self::Missing(name) => format!("Missing required parameter: {name}"),
                Self::TooLong(name) => format!("Parameter too long: {name}"),
                Self::GrantType(_) => "Unsupported grant type; use client_credentials".to_owned(),
                Self::UnknownAudience(audience) | Self::AudienceDisabled(audience) => {
                    format!("Unknown audience: {audience}")
                }
                Self::SeveralAudiences => "Ask for one audience at a time".to_owned(),
                Self::MalformedAudience(_) => {
                    "The audience must be an absolute URI without a fragment".to_owned()
                }
                Self::AudienceNotGranted(audience) => {
                    format!("The client is not allowed to get tokens for: {audience}")
                }
                Self::NoAudience => "Missing parameter: audience".to_owned(),
                Self::Scopes(scopes) => format!("Invalid scopes: {scopes}"),
                Self::MalformedScope => "Invalid scopes: malformed".to_owned(),
                other => other.to_string(),
            },
        }
    }
}

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why, exactly.
    pub reason: Reason,
    /// When it makes sense to try again.
    pub retry_after: Option<Duration>,
    /// The limit that it ran into, for the header fields that say so.
    pub limit: Option<Box<ServiceLimit>>,
    /// Whether the request used the Authorization header, so that a 401 must name the scheme (RFC 6749 §5.2).
    pub used_basic: bool,
    /// The answer must not leave before then, so that every failed authentication takes the same time.
    pub hold_until: Option<tokio::time::Instant>,
    /// The identifier of the resource server that an authenticated client asked for, if there is one.
    pub audience: Option<String>,
}

impl Refusal {
    /// A refusal for a reason.
    pub fn new(reason: Reason) -> Self {
        let retry_after = match reason.code() {
            ErrorCode::TemporarilyUnavailable => Some(Duration::from_secs(1)),
            _ => None,
        };
        Self { reason, retry_after, limit: None, used_basic: false, hold_until: None, audience: None }
    }

    /// The code that the client is told.
    pub const fn code(&self) -> ErrorCode {
        self.reason.code()
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}

impl From<crate::store::StoreError> for Refusal {
    fn from(error: crate::store::StoreError) -> Self {
        Self::new(Reason::StoreUnavailable(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Refusals are counted by their place in this list.
    #[test]
    fn every_name_stands_in_the_list_once_and_in_order() {
        let source = include_str!("refusal.rs");
        let (_, from) = source.split_once("pub const fn name(&self)").unwrap();
        let (body, _) = from.split_once("pub const fn code(&self)").unwrap();
        let mut named: Vec<_> =
            body.split("=> \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named, Reason::NAMES);
    }

    #[test]
    fn every_failed_authentication_reads_the_same_outside() {
        let reasons = [
            Reason::UnknownClient,
            Reason::WrongSecret,
            Reason::DamagedSecret,
            Reason::KeyInactive("k".to_owned()),
            Reason::KeyExpired("k".to_owned(), Timestamp::default()),
            Reason::ClientDisabled,
            Reason::OrganizationDisabled,
            Reason::NetworkForbidden(std::net::Ipv4Addr::LOCALHOST.into()),
        ];
        for reason in reasons {
            assert_eq!(reason.code(), ErrorCode::InvalidClient);
            assert_eq!(reason.public_text(), INVALID_CLIENT);
        }
    }

    #[test]
    fn inner_faults_tell_nothing_outside() {
        let reason = Reason::StoreUnavailable("table clients is locked".to_owned());
        assert!(!reason.public_text().contains("clients"));
        assert!(Refusal::new(reason).retry_after.is_some());
    }
}
