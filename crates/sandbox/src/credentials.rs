//! The credentials of the seed, for programs (`to_json`) and for people (`print`): where to ask for a token, with
//! what, and one call that succeeds with it.

use serde_json::{Value, json};
use symbolon_core::apply::description::{
    ClientDescription, Description, MemberDescription, OrganizationDescription,
};

use crate::error::SandboxError;
use crate::seed::Addresses;

/// Audience of METI, v1 and v2.
pub(crate) const METI: &str = "https://api.meti.io";
/// Audience of Metafold.
pub(crate) const METAFOLD: &str = "https://api.metafold3d.com/";
/// Audience of ecoinvent.
pub(crate) const ECOINVENT: &str = "https://api.ecoinvent.org";
/// Audience of m3ter.
pub(crate) const M3TER: &str = "https://api.m3ter.com";
/// The realm of METI, Metafold and m3ter.
pub(crate) const DEFAULT_REALM: &str = "default";
/// The realm of ecoinvent.
pub(crate) const ECOINVENT_REALM: &str = "ecoinvent";

/// A client of the seed with its one access key.
pub(crate) struct Pair {
    pub(crate) client_id: String,
    pub(crate) key_id: String,
    pub(crate) secret: String,
    pub(crate) organization: String,
}

/// A member of the seed.
pub(crate) struct Login {
    pub(crate) email: String,
    pub(crate) password: String,
}

/// The credentials of the seed.
pub struct Credentials {
    pub(crate) addresses: Addresses,
    pub(crate) meti: Pair,
    pub(crate) meti_readonly: Pair,
    pub(crate) meti_other: Pair,
    pub(crate) meti_v1: Login,
    pub(crate) metafold: Pair,
    pub(crate) ecoinvent: Pair,
    pub(crate) ecoinvent_beta: Pair,
    pub(crate) ecoinvent_ended: Pair,
    pub(crate) m3ter: Pair,
    pub(crate) m3ter_new: Pair,
}

impl Credentials {
    /// Takes the credentials out of what is to be applied.
    pub(crate) fn of(description: &Description, addresses: Addresses) -> Result<Self, SandboxError> {
        let pair = |realm: &str, client_id: &str| pair(description, realm, client_id);
        Ok(Self {
            addresses,
            meti: pair(DEFAULT_REALM, "meti_v2")?,
            meti_readonly: pair(DEFAULT_REALM, "meti_readonly")?,
            meti_other: pair(DEFAULT_REALM, "meti_harbour")?,
            meti_v1: login(description, DEFAULT_REALM)?,
            metafold: pair(DEFAULT_REALM, "metafold")?,
            ecoinvent: pair(ECOINVENT_REALM, "ecoinvent_trial")?,
            ecoinvent_beta: pair(ECOINVENT_REALM, "ecoinvent_beta")?,
            ecoinvent_ended: pair(ECOINVENT_REALM, "ecoinvent_ended")?,
            m3ter: pair(DEFAULT_REALM, "m3ter_billing")?,
            m3ter_new: pair(DEFAULT_REALM, "m3ter_new")?,
        })
    }

    /// For programs: one member for each system, with its addresses and secrets.
    pub fn to_json(&self) -> Value {
        let mut all = json!({
            "meti_v2": with(self.in_default_realm("/oauth/token", METI, "/sources"), client(&self.meti)),
            "meti_v1": with(
                self.in_default_realm("/token", METI, "/sources"),
                json!({ "email": self.meti_v1.email, "password": self.meti_v1.password }),
            ),
            "metafold": with(
                self.in_default_realm("/oauth/token", METAFOLD, "/user/usage"),
                client(&self.metafold),
            ),
            "ecoinvent": with(self.ecoinvent_addresses(), client(&self.ecoinvent)),
            "m3ter": with(
                self.in_default_realm("/oauth/token", M3TER, &self.products()),
                access_key(&self.m3ter),
            ),
        });
        all["meti_v2"]["readonly"] = client(&self.meti_readonly);
        all["meti_v2"]["other_account"] = client(&self.meti_other);
        all["ecoinvent"]["beta"] = client(&self.ecoinvent_beta);
        all["ecoinvent"]["licence_ended"] = client(&self.ecoinvent_ended);
        all["m3ter"]["without_policy"] = access_key(&self.m3ter_new);
        if let Some(tls) = &self.addresses.tls {
            all["tls"] = json!({ "base_url": tls.base_url, "ca_file": tls.ca_file.to_string_lossy() });
        }
        all
    }

    fn in_default_realm(&self, token_path: &str, audience: &str, api_path: &str) -> Value {
        let base = &self.addresses.base;
        json!({
            "token_url": format!("{base}{token_path}"),
            "issuer": format!("{base}/"),
            "jwks_uri": format!("{base}/.well-known/jwks.json"),
            "audience": audience,
            "api_url": format!("{base}{api_path}"),
        })
    }

    fn ecoinvent_addresses(&self) -> Value {
        let base = &self.addresses.base;
        let issuer = format!("{base}/realms/{ECOINVENT_REALM}");
        json!({
            "token_url": format!("{issuer}/protocol/openid-connect/token"),
            "jwks_uri": format!("{issuer}/protocol/openid-connect/certs"),
            "issuer": issuer,
            "audience": ECOINVENT,
            "api_url": format!("{base}/v0/versions"),
        })
    }

    fn products(&self) -> String {
        format!("/organizations/{}/products", self.m3ter.organization)
    }
}

fn client(pair: &Pair) -> Value {
    json!({ "client_id": pair.client_id, "client_secret": pair.secret })
}

fn access_key(pair: &Pair) -> Value {
    json!({
        "access_key_id": pair.key_id,
        "api_secret": pair.secret,
        "organization_id": pair.organization,
    })
}

/// Both objects' members.
fn with(mut one: Value, other: Value) -> Value {
    if let (Some(members), Value::Object(more)) = (one.as_object_mut(), other) {
        members.extend(more);
    }
    one
}

fn organizations<'a>(
    description: &'a Description,
    realm: &str,
) -> impl Iterator<Item = &'a OrganizationDescription> {
    let wanted = description.realms.iter().find(|known| known.id.as_str() == realm);
    wanted.into_iter().flat_map(|realm| &realm.organizations)
}

fn pair(description: &Description, realm: &str, client_id: &str) -> Result<Pair, SandboxError> {
    let missing = || SandboxError::Seed(format!("the client {client_id} with its access key is missing"));
    let of_id = |client: &&ClientDescription| client.id.as_str() == client_id;
    let (organization, client) = organizations(description, realm)
        .find_map(|organization| Some((organization, organization.clients.iter().find(of_id)?)))
        .ok_or_else(missing)?;
    let key = client.access_keys.first().ok_or_else(missing)?;
    let (Some(id), Some(secret)) = (&key.id, &key.secret) else { return Err(missing()) };
    Ok(Pair {
        client_id: client_id.to_owned(),
        key_id: id.to_string(),
        secret: secret.expose().to_owned(),
        organization: organization.id.to_string(),
    })
}

fn login(description: &Description, realm: &str) -> Result<Login, SandboxError> {
    let of = |user: &MemberDescription| {
        Some(Login { email: user.email.clone(), password: user.password.as_ref()?.expose().to_owned() })
    };
    organizations(description, realm)
        .flat_map(|organization| &organization.users)
        .find_map(of)
        .ok_or_else(|| SandboxError::Seed("no member has a password".to_owned()))
}
