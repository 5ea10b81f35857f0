//! Leaked secrets, reported by operators and by partners that scan for them.

use serde::{Deserialize, Serialize};
use symbolon_core::leak::{self, Outcome, Report};
use symbolon_core::permission::Permission;
use symbolon_core::secret::Secret;
use utoipa::ToSchema;

use crate::manage::body::Body;
use crate::manage::caller::Manager;
use crate::manage::error::{Kind, Problem};

/// The longest text that is searched, in characters.
const LONGEST: usize = 16_384;
/// The longest id.
const LONGEST_ID: usize = 255;
/// The longest place.
const LONGEST_PLACE: usize = 2048;

/// What was found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LeakReport)]
pub(crate) struct New {
    /// The secret, or a text with secrets of ours in it.
    #[schema(value_type = String, format = Password, max_length = 16384)]
    secret: Secret,
    /// The client id or access key id that stood beside it: secrets from elsewhere do not name their key.
    #[schema(max_length = 255)]
    credential: Option<String>,
    /// Where it was found: a URL, or words.
    #[schema(max_length = 2048)]
    found_at: Option<String>,
}

impl New {
    fn check(&self) -> Result<(), Problem> {
        let lengths = [
            ("secret", Some(self.secret.expose()), LONGEST),
            ("credential", self.credential.as_deref(), LONGEST_ID),
            ("found_at", self.found_at.as_deref(), LONGEST_PLACE),
        ];
        for (name, text, longest) in lengths {
            if text.is_some_and(|text| text.chars().count() > longest) {
                return Err(Problem::new(
                    Kind::InvalidBody,
                    format!("{name} has at most {longest} characters"),
                ));
            }
        }
        Ok(())
    }
}

/// What came of a report.
#[derive(Serialize, ToSchema)]
#[schema(as = LeakOutcome)]
pub(crate) struct View {
    /// Always true: whoever reports may not learn by it which secrets are good.
    received: bool,
    /// The keys that were switched off by it, for callers who may read the audit.
    #[serde(skip_serializing_if = "Option::is_none")]
    deactivated: Option<Vec<KeyView>>,
}

/// A key that was switched off.
#[derive(Serialize, ToSchema)]
#[schema(as = LeakedAccessKey)]
pub(crate) struct KeyView {
    realm: String,
    organization: String,
    client: String,
    access_key: String,
}

/// Report a leaked secret; the key that it belongs to is switched off, and its tokens are dead at once
#[utoipa::path(post, path = "/leaks", tag = "leaks", operation_id = "reportLeak", request_body = New,
    responses((status = 200, description = "The report was received", body = View)))]
pub(crate) async fn report(manager: Manager, body: Body) -> Result<axum::Json<View>, Problem> {
    let realms = manager.realms(Permission::WriteLeaks)?;
    let may_know = manager.realms(Permission::ReadAudit).is_ok();
    let new: New = body.read()?;
    new.check()?;
    let mut secrets = leak::secrets_in(new.secret.expose());
    if secrets.is_empty() {
        secrets.push(new.secret);
    }
    let mut deactivated = Vec::new();
    for realm in &realms {
        let access = manager.realm(Permission::WriteLeaks, realm.id().as_str())?;
        for secret in &secrets {
            let reporter = access.editor().actor.id.clone();
            let found_at = new.found_at.as_deref();
            let found =
                Report { secret, credential: new.credential.as_deref(), reporter: &reporter, found_at };
            if let Outcome::Deactivated { client, access_key, organization } =
                leak::report(access.editor(), &found).await?
            {
                deactivated.push(KeyView {
                    realm: realm.id().to_string(),
                    organization: organization.to_string(),
                    client: client.to_string(),
                    access_key: access_key.to_string(),
                });
            }
        }
    }
    Ok(axum::Json(View { received: true, deactivated: may_know.then_some(deactivated) }))
}
