//! What lists with filters are read from, kept beside the things themselves.
//!
//! The records are documents, in which no database can look for a name. So each thing has two rows beside its own: one
//! under its id and one under its name, both in small letters; and one more for each order that lists can have
//! (`sorted`). `searched` reads them.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use sqlx::{query, query_scalar};
use symbolon_core::client::Client;
use symbolon_core::clock::Timestamp;
use symbolon_core::id::RealmId;
use symbolon_core::organization::Organization;
use symbolon_core::realm::Status;
use symbolon_core::store::StoreResult;
use symbolon_core::user::{MemberRole, OperatorRole, User, comparable_email};

use crate::backend::{Backend, Tx};
use crate::sorted;
use crate::support::{decode, failed, rows, word};

/// Characters of a name that are listed; keys of an index have a limit.
pub(crate) const NAME: usize = 128;
/// Things that are listed in one transaction when a store is opened that has none listed.
const FILLED_AT_ONCE: i64 = 500;

pub(crate) const CLIENT: &str = "client";
pub(crate) const ORGANIZATION: &str = "organization";
pub(crate) const USER: &str = "user";

/// What a list needs to know of a thing.
pub(crate) struct Listed<'a> {
    pub(crate) kind: &'static str,
    pub(crate) id: &'a str,
    pub(crate) organization: &'a str,
    pub(crate) status: Status,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    /// Of a user, the place of its role among all: those first who may most.
    pub(crate) role: Option<u8>,
}

/// What is listed.
pub(crate) trait Thing: DeserializeOwned + Send {
    const KIND: &'static str;

    fn listed(&self) -> Listed<'_>;
}

impl Thing for Client {
    const KIND: &'static str = CLIENT;

    fn listed(&self) -> Listed<'_> {
        Listed::client(self)
    }
}

impl Thing for Organization {
    const KIND: &'static str = ORGANIZATION;

    fn listed(&self) -> Listed<'_> {
        Listed::organization(self)
    }
}

impl Thing for User {
    const KIND: &'static str = USER;

    fn listed(&self) -> Listed<'_> {
        Listed::user(self)
    }
}

impl<'a> Listed<'a> {
    pub(crate) fn client(client: &'a Client) -> Self {
        Self {
            kind: CLIENT,
            id: client.id.as_str(),
            organization: client.organization.as_str(),
            status: client.status,
            name: folded(&client.settings.name),
            created_at: client.created_at,
            role: None,
        }
    }

    pub(crate) fn organization(organization: &'a Organization) -> Self {
        Self {
            kind: ORGANIZATION,
            id: organization.id.as_str(),
            organization: "",
            status: organization.status,
            name: folded(&organization.name),
            created_at: organization.created_at,
            role: None,
        }
    }

    pub(crate) fn user(user: &'a User) -> Self {
        Self {
            kind: USER,
            id: user.id.as_str(),
            organization: user.membership.as_ref().map_or("", |membership| membership.organization.as_str()),
            status: user.status,
            name: folded(&comparable_email(&user.email)),
            created_at: user.created_at,
            role: Some(place_of_role(user)),
        }
    }
}

const fn place_of_role(user: &User) -> u8 {
    match (user.operator, &user.membership) {
        (Some(OperatorRole::Owner), _) => 0,
        (Some(OperatorRole::Admin), _) => 1,
        (Some(OperatorRole::Auditor), _) => 2,
        (None, Some(membership)) => match membership.role {
            MemberRole::Admin => 3,
            MemberRole::Developer => 4,
            MemberRole::Viewer => 5,
        },
        (None, None) => 6,
    }
}

/// A name as it is compared. PostgreSQL has no text with a NUL in it, and cursors are parted by control characters.
pub(crate) fn folded(name: &str) -> String {
    name.trim().to_lowercase().chars().filter(|c| !c.is_control()).take(NAME).collect()
}

/// Lists a thing that is new.
pub(crate) async fn add(tx: &mut Tx, realm: &str, listed: &Listed<'_>) -> StoreResult<()> {
    let (id, status) = (listed.id.to_lowercase(), word(&listed.status)?);
    let mut rows = vec![(&id, listed.name.as_str(), true)];
    if !listed.name.is_empty() {
        rows.push((&listed.name, "", false));
    }
    for (term, other, is_id) in rows {
        query!(
            "INSERT INTO listed (realm, kind, status, term, id, organization, other, is_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            realm,
            listed.kind,
            status,
            term,
            listed.id,
            listed.organization,
            other,
            is_id,
        )
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    }
    sorted::add(tx, realm, std::slice::from_ref(listed)).await
}

/// Lists things that are new.
pub(crate) async fn add_all(
    tx: &mut Tx,
    realm: &str,
    things: impl Iterator<Item = Listed<'_>>,
) -> StoreResult<()> {
    let mut all = Vec::new();
    let things: Vec<Listed<'_>> = things.collect();
    for listed in &things {
        let (id, status) = (listed.id.to_lowercase(), word(&listed.status)?);
        let row = |term: String, other: String, is_id: bool| {
            (listed.kind, status.clone(), term, listed.id, listed.organization, other, is_id)
        };
        if !listed.name.is_empty() {
            all.push(row(listed.name.clone(), String::new(), false));
        }
        all.push(row(id, listed.name.clone(), true));
    }
    query!(
        "INSERT INTO listed (realm, kind, status, term, id, organization, other, is_id)
         SELECT CAST($1 AS TEXT), value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
             CAST(value ->> 6 AS BOOLEAN)
         FROM json_each(json(CAST($2 AS TEXT)))",
        realm,
        rows(&all)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    sorted::add(tx, realm, &things).await
}

/// Lists a thing as it is now.
pub(crate) async fn change(tx: &mut Tx, realm: &str, listed: &Listed<'_>) -> StoreResult<()> {
    remove(tx, realm, listed.kind, listed.id).await?;
    add(tx, realm, listed).await
}

/// Lists a client no more.
pub(crate) async fn remove_client(tx: &mut Tx, realm: &RealmId, id: &str) -> StoreResult<()> {
    remove(tx, realm.as_str(), CLIENT, id).await
}

async fn remove(tx: &mut Tx, realm: &str, kind: &str, id: &str) -> StoreResult<()> {
    query!("DELETE FROM listed WHERE realm = $1 AND kind = $2 AND id = $3", realm, kind, id)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    sorted::remove(tx, realm, kind, id).await
}

/// Lists what was stored before anything was listed. Done once, before the store is used.
pub(crate) async fn fill(store: &Backend) -> StoreResult<()> {
    let done =
        query_scalar!("SELECT kind FROM listed_kinds").fetch_all(store.reader()).await.map_err(failed)?;
    let done: HashSet<String> = done.into_iter().collect();
    for kind in [CLIENT, ORGANIZATION, USER] {
        if done.contains(kind) {
            continue;
        }
        let mut last = (String::new(), String::new());
        while let Some(next) = fill_some(store, kind, &last).await? {
            last = next;
        }
        let mut tx = store.begin().await?;
        query!("INSERT INTO listed_kinds (kind) VALUES ($1) ON CONFLICT DO NOTHING", kind)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
    }
    Ok(())
}

/// Lists some, and says which was the last.
async fn fill_some(
    store: &Backend,
    kind: &str,
    (last_realm, last_id): &(String, String),
) -> StoreResult<Option<(String, String)>> {
    let mut tx = store.begin().await?;
    let rows = query!(
        r#"SELECT realm AS "realm!: String", id AS "id!: String", document AS "document!: String" FROM
               (SELECT 'client' AS kind, realm, id, document FROM clients
                UNION ALL SELECT 'organization', realm, id, document FROM organizations
                UNION ALL SELECT 'user', realm, id, document FROM users) AS things
           WHERE kind = $1 AND (realm, id) > ($2, $3) ORDER BY realm, id LIMIT $4"#,
        kind,
        last_realm,
        last_id,
        FILLED_AT_ONCE,
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(failed)?;
    let last = rows.last().map(|row| (row.realm.clone(), row.id.clone()));
    for row in &rows {
        match kind {
            CLIENT => change(&mut tx, &row.realm, &Listed::client(&decode("client", &row.document)?)).await?,
            USER => change(&mut tx, &row.realm, &Listed::user(&decode("user", &row.document)?)).await?,
            _ => {
                let organization = decode("organization", &row.document)?;
                change(&mut tx, &row.realm, &Listed::organization(&organization)).await?;
            }
        }
    }
    tx.commit().await.map_err(failed)?;
    Ok(last)
}
