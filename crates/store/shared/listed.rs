//! Lists with filters: what begins with what, by status, in pages of flat cost.
//!
//! The records are documents, in which no database can look for a name. So each thing has two rows beside its own: one
//! under its id and one under its name, both in small letters. Every filter is then the begin of a key, and a page is
//! one look into an index for each combination of status and row, wherever it lies.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use sqlx::{query, query_scalar};
use symbolon_core::client::Client;
use symbolon_core::id::{OrganizationId, RealmId};
use symbolon_core::organization::Organization;
use symbolon_core::realm::Status;
use symbolon_core::store::{ListFilter, Page, PageRequest, StoreResult};
use symbolon_core::user::{User, comparable_email};

use crate::backend::{Backend, Tx};
use crate::support::{decode, failed, rows, word};

/// Characters of a name that are listed; keys of an index have a limit.
const NAME: usize = 128;
/// After every text that begins in some way.
const LAST: char = char::MAX;
/// Things that are listed in one transaction when a store is opened that has none listed.
const FILLED_AT_ONCE: i64 = 500;

const CLIENT: &str = "client";
const ORGANIZATION: &str = "organization";
const USER: &str = "user";

/// What a list needs to know of a thing.
pub(crate) struct Listed<'a> {
    kind: &'static str,
    id: &'a str,
    organization: &'a str,
    status: Status,
    name: String,
}

impl<'a> Listed<'a> {
    pub(crate) fn client(client: &'a Client) -> Self {
        Self {
            kind: CLIENT,
            id: client.id.as_str(),
            organization: client.organization.as_str(),
            status: client.status,
            name: folded(&client.settings.name),
        }
    }

    pub(crate) fn organization(organization: &'a Organization) -> Self {
        Self {
            kind: ORGANIZATION,
            id: organization.id.as_str(),
            organization: "",
            status: organization.status,
            name: folded(&organization.name),
        }
    }

    pub(crate) fn user(user: &'a User) -> Self {
        Self {
            kind: USER,
            id: user.id.as_str(),
            organization: user.membership.as_ref().map_or("", |membership| membership.organization.as_str()),
            status: user.status,
            name: folded(&comparable_email(&user.email)),
        }
    }
}

/// A name as it is compared: PostgreSQL has no text with a NUL in it.
fn folded(name: &str) -> String {
    name.trim().to_lowercase().chars().filter(|c| *c != '\0').take(NAME).collect()
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
    Ok(())
}

/// Lists things that are new.
pub(crate) async fn add_all(
    tx: &mut Tx,
    realm: &str,
    things: impl Iterator<Item = Listed<'_>>,
) -> StoreResult<()> {
    let mut all = Vec::new();
    for listed in things {
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
    Ok(())
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
    Ok(())
}

/// A row of a list.
struct Row {
    term: String,
    id: String,
    document: String,
}

/// What a page is looked for in.
struct Search {
    prefix: String,
    /// Rows that come after this term and id, and before that term.
    after: (String, String),
    end: String,
    most: usize,
    /// Which rows: of what status, and under the id or the name.
    kinds: Vec<(String, bool)>,
}

impl Search {
    fn of(filter: &ListFilter, page: &PageRequest) -> StoreResult<Self> {
        let prefix = folded(filter.prefix.as_deref().unwrap_or_default());
        let cursor = page.after.as_deref().unwrap_or_default().split('\0').next().unwrap_or_default();
        let (term, id) = cursor.rsplit_once(' ').unwrap_or((cursor, ""));
        let after = (term.to_owned(), id.to_owned()).max((prefix.clone(), String::new()));
        let statuses = match filter.status {
            Some(status) => vec![status],
            None => vec![Status::Active, Status::Disabled],
        };
        let mut kinds = Vec::new();
        for status in statuses {
            kinds.push((word(&status)?, true));
            if !prefix.is_empty() {
                kinds.push((word(&status)?, false));
            }
        }
        let end = format!("{prefix}{LAST}");
        Ok(Self { prefix, after, end, most: usize::try_from(page.limit.clamp(1, 1000)).unwrap_or(1), kinds })
    }

    /// One more than the page has items, to know whether there is more.
    fn rows(&self) -> i64 {
        i64::try_from(self.most).unwrap_or(1000) + 1
    }

    /// Makes the page of the rows that were found, of each kind the first ones.
    fn page<T: DeserializeOwned>(&self, what: &'static str, mut rows: Vec<Row>) -> StoreResult<Page<T>> {
        rows.sort_by(|one, other| (&one.term, &one.id).cmp(&(&other.term, &other.id)));
        let more = rows.len() > self.most;
        rows.truncate(self.most);
        let next = rows.last().filter(|_| more).map(|last| format!("{} {}", last.term, last.id));
        let items = rows.iter().map(|row| decode(what, &row.document)).collect::<StoreResult<_>>()?;
        Ok(Page { items, next })
    }
}

/// Clients of a realm, or of one of its organizations.
pub(crate) async fn clients(
    store: &Backend,
    realm: &RealmId,
    organization: Option<&OrganizationId>,
    filter: &ListFilter,
    page: &PageRequest,
) -> StoreResult<Page<Client>> {
    let search = Search::of(filter, page)?;
    let mut rows = Vec::new();
    for (status, is_id) in &search.kinds {
        // The two differ by an index: asked as one question, none of the databases would use either.
        let found = match organization.map(OrganizationId::as_str) {
            Some(organization) => {
                clients_of_organization(store, realm, organization, (status, *is_id), &search).await?
            }
            None => clients_of_realm(store, realm, (status, *is_id), &search).await?,
        };
        rows.extend(found);
    }
    search.page("client", rows)
}

async fn clients_of_realm(
    store: &Backend,
    realm: &RealmId,
    (status, is_id): (&str, bool),
    search: &Search,
) -> StoreResult<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT listed.term AS "term!: String", listed.id AS "id!: String",
               clients.document AS "document!: String"
           FROM listed CROSS JOIN clients
           WHERE listed.realm = $1 AND listed.kind = 'client' AND listed.is_id = $2
               AND listed.status = $3 AND (listed.term, listed.id) > ($4, $5)
               AND (listed.term, listed.id) < ($6, '')
               AND (listed.other < $7 OR listed.other >= $6 OR CAST($7 AS TEXT) = '')
               AND clients.realm = listed.realm AND clients.id = listed.id
           ORDER BY listed.term, listed.id LIMIT $8"#,
        realm.as_str(),
        is_id,
        status,
        search.after.0,
        search.after.1,
        search.end,
        search.prefix,
        search.rows(),
    )
    .fetch_all(store.reader())
    .await
    .map_err(failed)
}

async fn clients_of_organization(
    store: &Backend,
    realm: &RealmId,
    organization: &str,
    (status, is_id): (&str, bool),
    search: &Search,
) -> StoreResult<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT listed.term AS "term!: String", listed.id AS "id!: String",
               clients.document AS "document!: String"
           FROM listed CROSS JOIN clients
           WHERE listed.realm = $1 AND listed.kind = 'client' AND listed.organization = $9 AND listed.is_id = $2
               AND listed.status = $3 AND (listed.term, listed.id) > ($4, $5)
               AND (listed.term, listed.id) < ($6, '')
               AND (listed.other < $7 OR listed.other >= $6 OR CAST($7 AS TEXT) = '')
               AND clients.realm = listed.realm AND clients.id = listed.id
           ORDER BY listed.term, listed.id LIMIT $8"#,
        realm.as_str(),
        is_id,
        status,
        search.after.0,
        search.after.1,
        search.end,
        search.prefix,
        search.rows(),
        organization,
    )
    .fetch_all(store.reader())
    .await
    .map_err(failed)
}

/// Users of a realm, or of one of its organizations.
pub(crate) async fn users(
    store: &Backend,
    realm: &RealmId,
    organization: Option<&OrganizationId>,
    filter: &ListFilter,
    page: &PageRequest,
) -> StoreResult<Page<User>> {
    let search = Search::of(filter, page)?;
    let mut rows = Vec::new();
    for (status, is_id) in &search.kinds {
        // The two differ by an index: asked as one question, none of the databases would use either.
        let found = match organization.map(OrganizationId::as_str) {
            Some(organization) => {
                users_of_organization(store, realm, organization, (status, *is_id), &search).await?
            }
            None => users_of_realm(store, realm, (status, *is_id), &search).await?,
        };
        rows.extend(found);
    }
    search.page("user", rows)
}

async fn users_of_realm(
    store: &Backend,
    realm: &RealmId,
    (status, is_id): (&str, bool),
    search: &Search,
) -> StoreResult<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT listed.term AS "term!: String", listed.id AS "id!: String",
               users.document AS "document!: String"
           FROM listed CROSS JOIN users
           WHERE listed.realm = $1 AND listed.kind = 'user' AND listed.is_id = $2
               AND listed.status = $3 AND (listed.term, listed.id) > ($4, $5)
               AND (listed.term, listed.id) < ($6, '')
               AND (listed.other < $7 OR listed.other >= $6 OR CAST($7 AS TEXT) = '')
               AND users.realm = listed.realm AND users.id = listed.id
           ORDER BY listed.term, listed.id LIMIT $8"#,
        realm.as_str(),
        is_id,
        status,
        search.after.0,
        search.after.1,
        search.end,
        search.prefix,
        search.rows(),
    )
    .fetch_all(store.reader())
    .await
    .map_err(failed)
}

async fn users_of_organization(
    store: &Backend,
    realm: &RealmId,
    organization: &str,
    (status, is_id): (&str, bool),
    search: &Search,
) -> StoreResult<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT listed.term AS "term!: String", listed.id AS "id!: String",
               users.document AS "document!: String"
           FROM listed CROSS JOIN users
           WHERE listed.realm = $1 AND listed.kind = 'user' AND listed.organization = $9 AND listed.is_id = $2
               AND listed.status = $3 AND (listed.term, listed.id) > ($4, $5)
               AND (listed.term, listed.id) < ($6, '')
               AND (listed.other < $7 OR listed.other >= $6 OR CAST($7 AS TEXT) = '')
               AND users.realm = listed.realm AND users.id = listed.id
           ORDER BY listed.term, listed.id LIMIT $8"#,
        realm.as_str(),
        is_id,
        status,
        search.after.0,
        search.after.1,
        search.end,
        search.prefix,
        search.rows(),
        organization,
    )
    .fetch_all(store.reader())
    .await
    .map_err(failed)
}

/// Organizations.
pub(crate) async fn organizations(
    store: &Backend,
    realm: &RealmId,
    filter: &ListFilter,
    page: &PageRequest,
) -> StoreResult<Page<Organization>> {
    let search = Search::of(filter, page)?;
    let mut rows = Vec::new();
    for (status, is_id) in &search.kinds {
        let found = sqlx::query_as!(
            Row,
            r#"SELECT listed.term AS "term!: String", listed.id AS "id!: String",
                   organizations.document AS "document!: String"
               FROM listed CROSS JOIN organizations
               WHERE listed.realm = $1 AND listed.kind = 'organization' AND listed.is_id = $2
                   AND listed.status = $3 AND (listed.term, listed.id) > ($4, $5)
                   AND (listed.term, listed.id) < ($6, '')
                   AND (listed.other < $7 OR listed.other >= $6 OR CAST($7 AS TEXT) = '')
                   AND organizations.realm = listed.realm AND organizations.id = listed.id
               ORDER BY listed.term, listed.id LIMIT $8"#,
            realm.as_str(),
            *is_id,
            status,
            search.after.0,
            search.after.1,
            search.end,
            search.prefix,
            search.rows(),
        )
        .fetch_all(store.reader())
        .await
        .map_err(failed)?;
        rows.extend(found);
    }
    search.page("organization", rows)
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
