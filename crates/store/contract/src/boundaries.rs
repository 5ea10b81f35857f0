//! Rule 13: soft boundaries are hard. Whoever asks as another realm or another organization finds nothing and
//! changes nothing, though the ids are right.

use symbolon_core::access_key::{AccessKey, KeyStatus};
use symbolon_core::audit::{Change, Movement, SubjectKind};
use symbolon_core::client::Client;
use symbolon_core::licence::Licence;
use symbolon_core::organization::Organization;
use symbolon_core::policy::Policy;
use symbolon_core::protocol::revocation::Kind;
use symbolon_core::realm::{RealmId, Status};
use symbolon_core::resource_server::ResourceServer;
use symbolon_core::signing_key::{KeyState, StoredSigningKey};
use symbolon_core::store::{BatchPlace, PageRequest, Store, Whose};
use symbolon_core::usage::Step;
use symbolon_core::user::User;

use crate::Shared;
use crate::journal::{jti, record, tokens_of};
use crate::revocations::{cases, whole};
use crate::world::{
    add_client, audit, change, client, fails, id, key, later, licence, policy, populate, populate_realm,
    revocation, revoking, server, signing_key, traces, user,
};

/// One of everything, in the realm `r`; what belongs to an organization is of `o1`.
async fn fill(store: &dyn Store) -> RealmId {
    let realm = populate(store).await;
    // The other realm has organizations of the same ids, and nothing else.
    populate_realm(store, "s").await;
    let c = change(SubjectKind::Client, "x");
    store.insert_resource_server(&realm, &server("https://a.example"), &c).await.unwrap();
    store.insert_policy(&realm, &policy("p"), &c).await.unwrap();
    store.insert_licence(&realm, &licence("o1", "l"), &c).await.unwrap();
    store.insert_client(&realm, &client("o1", "c"), &c).await.unwrap();
    let k = AccessKey { status: KeyStatus::Inactive, ..key("o1", "c", "k") };
    store.insert_access_key(&realm, &k, &c).await.unwrap();
    store.insert_user(&realm, &user(Some("o1"), "u"), &c).await.unwrap();
    store.rotate_signing_keys(&realm, Some(&signing_key("kid", KeyState::Active)), &[], &c).await.unwrap();
    let open = revoking(vec![revocation(Kind::Client, "c", Movement::Open, Some(later(10)))]);
    store.insert_revocations(&realm, &open).await.unwrap();
    let place = BatchPlace { writer: "w".to_owned(), sequence: 1 };
    store.append_tokens(&place, &[record(0, "jti", "req")]).await.unwrap();
    store.count_tokens(Whose::Writer("w"), 0, later(0)).await.unwrap();
    realm
}

/// Who asks: as another organization of the realm, or as another realm.
const STRANGERS: [(&str, &str); 2] = [("r", "o2"), ("s", "o1")];

pub(crate) async fn find_nothing(store: Shared) {
    fill(&*store).await;
    let first = PageRequest::first();
    for (realm, organization) in STRANGERS {
        let (r, o) = (id(realm), id(organization));
        assert_eq!(store.list_licences(&r, &o).await.unwrap(), []);
        assert_eq!(store.find_client(&r, &o, &id("c")).await.unwrap(), None);
        assert_eq!(store.list_clients(&r, &o, &first).await.unwrap().items, []);
        assert_eq!(store.find_user(&r, Some(&o), &id("u")).await.unwrap(), None);
        assert_eq!(store.list_users(&r, Some(&o), &first).await.unwrap().items, []);
        assert_eq!(store.find_last_use(&r, &o, &id("c"), &id("k")).await.unwrap(), None);
        let span = (later(-100_000), later(100_000));
        let usage = tokens_of(&*store, (realm, organization, "c"), Step::Hour, span).await;
        assert_eq!(usage, []);
        let audit = audit(&*store, &r, Some(&o)).await;
        assert!(audit.iter().all(|row| row.organization.as_ref() == Some(&o)));
    }
    let s = id("s");
    assert_eq!(store.list_resource_servers(&s).await.unwrap(), []);
    assert_eq!(store.list_policies(&s).await.unwrap(), []);
    assert_eq!(store.find_credential(&s, "c").await.unwrap(), None);
    assert_eq!(store.find_credential(&s, "k").await.unwrap(), None);
    assert_eq!(store.find_user(&s, None, &id("u")).await.unwrap(), None);
    assert_eq!(store.find_user_by_email(&s, "u@example.test").await.unwrap(), None);
    assert_eq!(store.list_users(&id("r"), None, &first).await.unwrap().items, []);
    assert_eq!(store.list_signing_keys(&s).await.unwrap(), []);
    assert_eq!(store.find_token(&s, &jti(0, "jti")).await.unwrap(), None);
    assert!(store.list_revocations(&s, 0).await.unwrap().iter().all(|found| found.kind == Kind::User));
    assert!(audit(&*store, &s, None).await.len() == 3);
    assert_eq!(store.find_organization(&id("nowhere"), &id("o1")).await.unwrap(), None);
    assert_eq!(store.list_organizations(&id("nowhere"), &first).await.unwrap().items, []);
}

/// Everything that is stored in the realm `r` for `o1`, as text.
async fn everything(store: &dyn Store) -> String {
    let (r, o, first) = (id("r"), id("o1"), PageRequest::first());
    let realms = store.list_realms().await.unwrap();
    let servers = store.list_resource_servers(&r).await.unwrap();
    let policies = store.list_policies(&r).await.unwrap();
    let organizations = store.list_organizations(&r, &first).await.unwrap();
    let licences = store.list_licences(&r, &o).await.unwrap();
    let client = store.find_client(&r, &o, &id("c")).await.unwrap();
    let users = store.list_users(&r, Some(&o), &first).await.unwrap();
    let keys = store.list_signing_keys(&r).await.unwrap();
    let revocations = store.list_revocations(&r, 0).await.unwrap();
    let token = store.find_token(&r, &jti(0, "jti")).await.unwrap();
    assert!(client.is_some() && token.is_some() && keys.len() == 1 && users.items.len() == 1);
    let of_realm = (realms, servers, policies, organizations, licences);
    format!("{of_realm:?} {client:?} {users:?} {keys:?} {revocations:?} {token:?}")
}

pub(crate) async fn change_nothing(store: Shared) {
    fill(&*store).await;
    let before = everything(&*store).await;
    let c = &change(SubjectKind::Client, "x");
    for (realm, organization) in STRANGERS {
        let (r, o) = (&id(realm), &id(organization));
        assert_eq!(changes_of_organization(&*store, r, organization, c).await, ["NotFound"; 4]);
        assert_eq!(fails(&*store, store.delete_licence(r, o, &id("l"), 1, c)).await, "NotFound");
        assert_eq!(fails(&*store, store.delete_client(r, o, &id("c"), 1, c)).await, "NotFound");
        assert_eq!(fails(&*store, store.delete_access_key(r, o, &id("k"), 1, c)).await, "NotFound");
        assert_eq!(
            fails(&*store, store.insert_access_key(r, &key(organization, "c", "new"), c)).await,
            "NotFound"
        );
        assert_eq!(everything(&*store).await, before, "as {organization} of {realm}");
    }
    let s = &id("s");
    let api = ResourceServer { version: 2, ..server("https://a.example") };
    assert_eq!(fails(&*store, store.update_resource_server(s, &api, c)).await, "NotFound");
    let p = Policy { version: 2, ..policy("p") };
    assert_eq!(fails(&*store, store.update_policy(s, &p, c)).await, "NotFound");
    assert_eq!(fails(&*store, store.delete_policy(s, &p.id, 1, c)).await, "NotFound");
    let operator = User { version: 2, ..user(None, "u") };
    assert_eq!(fails(&*store, store.update_user(s, &operator, c)).await, "NotFound");
    let kid = StoredSigningKey { version: 2, ..signing_key("kid", KeyState::Retired) };
    assert_eq!(fails(&*store, store.rotate_signing_keys(s, None, &[kid], c)).await, "NotFound");
    assert_eq!(fails(&*store, store.delete_signing_key(s, "kid", 1, c)).await, "NotFound");
    let close = revoking(vec![revocation(Kind::Client, "c", Movement::Close(later(0)), None)]);
    store.insert_revocations(s, &close).await.unwrap();
    let token = revoking(vec![revocation(Kind::Token, "t", Movement::Open, None)]);
    store.revoke_tokens(s, 0, &whole("c"), &token).await.unwrap();
    assert!(store.forget_revocations(s, later(1_000_000)).await.unwrap() > 0);
    let other = Organization { version: 2, status: Status::Disabled, ..crate::world::organization("o1") };
    store.update_organization(s, &other, c).await.unwrap();
    store.insert_policy(s, &policy("p"), c).await.unwrap();
    store.delete_policy(s, &id("p"), 1, c).await.unwrap();
    assert_eq!(everything(&*store).await, before);
}

/// Tries to change each of another organization's things, by what would be their next versions.
async fn changes_of_organization(
    store: &dyn Store,
    realm: &RealmId,
    organization: &str,
    change: &Change,
) -> [&'static str; 4] {
    let l = Licence { version: 2, status: Status::Disabled, ..licence(organization, "l") };
    let c = Client { version: 2, status: Status::Disabled, ..client(organization, "c") };
    let k = AccessKey { version: 2, ..key(organization, "c", "k") };
    let u = User { version: 2, ..user(Some(organization), "u") };
    [
        fails(store, store.update_licence(realm, &l, change)).await,
        fails(store, store.update_client(realm, &c, change)).await,
        fails(store, store.update_access_key(realm, &k, change)).await,
        fails(store, store.update_user(realm, &u, change)).await,
    ]
}

pub(crate) async fn no_place(store: Shared) {
    let realm = populate(&*store).await;
    let c = &change(SubjectKind::Client, "x");
    let n = &id("nowhere");
    assert_eq!(fails(&*store, store.insert_resource_server(n, &server("a:b"), c)).await, "NotFound");
    assert_eq!(fails(&*store, store.insert_policy(n, &policy("p"), c)).await, "NotFound");
    let organization = crate::world::organization("o");
    assert_eq!(fails(&*store, store.insert_organization(n, &organization, c)).await, "NotFound");
    assert_eq!(fails(&*store, store.insert_user(n, &user(None, "u"), c)).await, "NotFound");
    let adding = signing_key("kid", KeyState::Active);
    assert_eq!(fails(&*store, store.rotate_signing_keys(n, Some(&adding), &[], c)).await, "NotFound");
    for realm in [n, &realm] {
        assert_eq!(fails(&*store, store.insert_licence(realm, &licence("o9", "l"), c)).await, "NotFound");
        assert_eq!(fails(&*store, store.insert_client(realm, &client("o9", "c"), c)).await, "NotFound");
        assert_eq!(fails(&*store, store.insert_user(realm, &user(Some("o9"), "u"), c)).await, "NotFound");
        assert_eq!(fails(&*store, store.insert_access_key(realm, &key("o9", "c", "k"), c)).await, "NotFound");
    }
    add_client(&*store, &realm, "o1", "c").await;
}

pub(crate) async fn strange_names(store: Shared) {
    let realm = fill(&*store).await;
    let long = "x".repeat(100_000);
    for name in [
        "",
        "\0",
        "c\0",
        "'",
        "' OR '1'='1",
        "c'--",
        "\"c\"",
        "%",
        "_",
        "*",
        "ﬀ",
        "$1",
        "?",
        &long,
        "\0_01KAMG0000000000000000000",
    ] {
        assert_eq!(store.find_credential(&realm, name).await.unwrap(), None);
        assert_eq!(store.find_user_by_email(&realm, name).await.unwrap(), None);
        assert_eq!(store.find_tokens_by_request(name).await.unwrap(), []);
        assert_eq!(store.find_refusals_by_request(name).await.unwrap(), []);
        assert_eq!(store.find_token(&realm, name).await.unwrap(), None);
    }
}

/// The property of rule 13: a thing is found exactly where it lives, whichever realm and organization ask, and
/// nobody else's attempt to change it leaves a trace.
pub(crate) async fn model(store: Shared) {
    let realms = [populate(&*store).await, populate_realm(&*store, "s").await];
    let change = change(SubjectKind::Client, "x");
    let place = || (0_usize..2, proptest::sample::select(vec!["o1", "o2"]));
    for (number, (home, asker)) in cases((place(), place()), 40).into_iter().enumerate() {
        let name = format!("thing-{number}");
        let client = add_client(&*store, &realms[home.0], home.1, &name).await;
        let (realm, organization) = (&realms[asker.0], id(asker.1));
        let at_home = home == asker;
        let found = store.find_client(realm, &organization, &client.id).await.unwrap();
        assert_eq!(found.is_some(), at_home, "{home:?} asked by {asker:?}");
        let page = store.list_clients(realm, &organization, &PageRequest::first()).await.unwrap();
        assert_eq!(page.items.iter().any(|item| item.id == client.id), at_home);
        assert_eq!(store.find_credential(realm, &name).await.unwrap().is_some(), home.0 == asker.0);
        let before = traces(&*store).await;
        let taken_over = Client { organization: organization.clone(), version: 2, ..client.clone() };
        assert_eq!(store.update_client(realm, &taken_over, &change).await.is_ok(), at_home);
        if !at_home {
            assert!(store.delete_client(realm, &organization, &client.id, 1, &change).await.is_err());
            assert_eq!(traces(&*store).await, before, "a refused change left something behind");
        }
    }
}
