//! Changes to clients.

use symbolon_protocol::revocation::Kind;

use crate::access_key::AccessKey;
use crate::audit::{Change, Subject, SubjectKind};
use crate::client::{Client, ClientSettings};
use crate::edit::access_key::{self, NewKey};
use crate::edit::realm::check_lifetime;
use crate::edit::{EditError, Editor, check_name};
use crate::id::{ClientId, OrganizationId};
use crate::issue::V1_CLIENT;
use crate::quota::Quota;
use crate::realm::Status;
use crate::realm_view::RealmView;
use crate::resource_server::comparable;
use crate::self_service;
use crate::store::NewClient;

fn subject(client: &Client) -> Subject {
    Subject::new(SubjectKind::Client, client.id.as_str()).of(&client.organization)
}

/// Makes a client with an access key generated along with it; the secret in the answer is the only copy.
pub async fn create(
    editor: Editor<'_>,
    organization: &OrganizationId,
    settings: ClientSettings,
) -> Result<(Client, NewKey), EditError> {
    let client = Client {
        id: ClientId::generate(editor.now(), editor.authority.random())?,
        organization: organization.clone(),
        status: Status::Active,
        held: false,
        settings,
        version: 1,
        created_at: editor.now(),
    };
    let client = insert(editor, &client).await?;
    let key = access_key::create(editor, &client, None).await?;
    Ok((client, key))
}

/// Adds a client. If its id belonged to one that was deleted here, tokens of that one stay dead.
pub async fn insert(editor: Editor<'_>, client: &Client) -> Result<Client, EditError> {
    let client = checked(&*editor.view()?, None, client)?;
    let change = addition(editor, &client)?;
    editor.store().insert_client(editor.realm, &client, &change).await?;
    editor.done().await?;
    Ok(client)
}

/// Adds many clients with their keys, all or none. It is the same as adding one after the other, and saves the wait
/// for the disk between them.
pub async fn insert_many(editor: Editor<'_>, clients: &[(Client, Vec<AccessKey>)]) -> Result<(), EditError> {
    let view = editor.view()?;
    let mut additions = Vec::with_capacity(clients.len());
    for (client, keys) in clients {
        let client = checked(&view, None, client)?;
        let change = addition(editor, &client)?;
        let keys = keys.iter().map(|key| Ok((key.clone(), access_key::addition(editor, key)?)));
        let keys = keys.collect::<Result<_, EditError>>()?;
        additions.push(NewClient { client, change, keys });
    }
    editor.store().insert_clients(editor.realm, &additions).await?;
    editor.done().await
}

/// What it means to add a client.
fn addition(editor: Editor<'_>, client: &Client) -> Result<Change, EditError> {
    let mut change = editor.change("create", subject(client), None, Some(client));
    change.revocations = vec![editor.closed(Kind::Client, client.id.as_str())?];
    Ok(change)
}

/// Changes a client. Switching it off kills its tokens; they stay dead when it is on again. Narrower grants or
/// policies act on its next token. A change of anything else never switches it on.
pub async fn update(editor: Editor<'_>, before: &Client, after: &Client) -> Result<Client, EditError> {
    let was = (before.status.is_active(), before.held);
    let held = self_service::held(!editor.actor.is_customer, was, after.status.is_active())?;
    let checked = checked(&*editor.view()?, Some(before), after)?;
    let after = Client { version: before.version + 1, held, ..checked };
    let mut change = editor.change("update", subject(&after), Some(before), Some(&after));
    change.revocations =
        editor.status_revocation(Kind::Client, after.id.as_str(), (before.status, after.status))?;
    editor.store().update_client(editor.realm, &after, &change).await?;
    editor.done().await?;
    Ok(after)
}

/// Switches a client on or off.
pub async fn set_status(editor: Editor<'_>, client: &Client, status: Status) -> Result<Client, EditError> {
    update(editor, client, &Client { status, ..client.clone() }).await
}

/// Deletes a client with its keys. Every token that it has is dead at once.
pub async fn delete(editor: Editor<'_>, client: &Client, keys: &[AccessKey]) -> Result<(), EditError> {
    let mut change = editor.change("delete", subject(client), Some(client), None);
    change.revocations = vec![editor.gone(Kind::Client, client.id.as_str())?];
    for key in keys {
        change.revocations.push(editor.gone(Kind::AccessKey, key.id.as_str())?);
    }
    let (id, organization) = (&client.id, &client.organization);
    editor.store().delete_client(editor.realm, organization, id, client.version, &change).await?;
    editor.done().await
}

/// Checks a client against its realm, and settles its default audience: the first grant sets it, and only an
/// explicit other one changes it.
pub(crate) fn checked(
    realm: &RealmView,
    before: Option<&Client>,
    client: &Client,
) -> Result<Client, EditError> {
    let invalid = |text: String| Err(EditError::Invalid(text));
    let mut client = client.clone();
    if before.is_some_and(|before| before.settings == client.settings) {
        // What the realm has dropped since the settings were made must not keep a client from being switched off.
        return Ok(client);
    }
    let settings = &mut client.settings;
    if client.id.as_str() == V1_CLIENT {
        return invalid(format!("the client id {V1_CLIENT:?} is reserved for password tokens"));
    }
    check_name(&settings.name)?;
    if let Some(lifetime) = settings.lifetime {
        check_lifetime(lifetime)?;
    }
    Quota::check(settings.quota)?;
    for grant in settings.grants.iter() {
        let Some(server) = realm.resource_server(&grant.audience) else {
            return invalid(format!("no resource server has the identifier {:?}", grant.audience));
        };
        if let Some(unknown) =
            grant.scopes.iter().find(|scope| !server.settings.scopes.contains(scope.as_str()))
        {
            return invalid(format!("{:?} has no scope {:?}", server.identifier, unknown.as_str()));
        }
    }
    let twice = settings.grants.iter().enumerate().find(|(index, grant)| {
        settings.grants[..*index]
            .iter()
            .any(|other| comparable(&other.audience) == comparable(&grant.audience))
    });
    if let Some((_, grant)) = twice {
        return invalid(format!("two grants name {:?}; put their scopes into one", grant.audience));
    }
    if let Some(unknown) = settings.policies.iter().find(|id| realm.policy(id).is_none()) {
        return invalid(format!("there is no policy {:?}", unknown.as_str()));
    }
    if settings.default_audience.is_none() {
        let kept = before.and_then(|before| before.settings.default_audience.clone());
        settings.default_audience =
            kept.or_else(|| settings.grants.first().map(|grant| grant.audience.as_str().into()));
    }
    match &settings.default_audience {
        Some(audience) if realm.resource_server(audience).is_none() => {
            invalid(format!("no resource server has the identifier {audience:?}"))
        }
        _ => Ok(client),
    }
}
