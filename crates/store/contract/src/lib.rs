//! The promises that every store keeps, as one suite: each backend's tests run all of them, so that two stores
//! cannot drift apart. A promise is a function that takes an empty store and panics where it is broken.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "this crate is test code as a whole: a promise that is broken panics"
)]

mod access_keys;
mod audit;
mod boundaries;
mod bulk;
mod chain;
mod changes;
mod clients;
mod factors;
pub mod figures;
mod identifiers;
mod journal;
mod key_checks;
mod links;
mod lists;
mod orders;
mod organizations;
mod pages;
mod realms;
mod refusals;
mod repeats;
mod resources;
mod revocations;
mod sessions;
mod signing_keys;
mod trail;
mod usage;
mod users;
mod world;

use std::pin::Pin;
use std::sync::Arc;

use symbolon_core::store::Store;

pub use chain::tampering_is_found;

/// A store under test.
pub type Shared = Arc<dyn Store>;

/// Runs a promise on an empty store.
pub type Promise = fn(Shared) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Every promise, with its name.
pub const PROMISES: &[(&str, Promise)] = &[
    ("realms: they read back as they were written", |s| Box::pin(realms::read_back(s))),
    ("realms: a stale change is refused", |s| Box::pin(realms::stale(s))),
    ("realms: a host name belongs to one", |s| Box::pin(realms::hosts(s))),
    ("resource servers: they read back as they were written", |s| Box::pin(resources::servers_read_back(s))),
    ("resource servers: a stale change is refused", |s| Box::pin(resources::servers_stale(s))),
    ("resource servers: one slash makes no other identifier", |s| Box::pin(resources::servers_taken(s))),
    ("policies: they read back and are removed", |s| Box::pin(resources::policies_read_back(s))),
    ("policies: a stale change is refused", |s| Box::pin(resources::policies_stale(s))),
    ("organizations: they read back as they were written", |s| Box::pin(organizations::read_back(s))),
    ("organizations: a stale change is refused", |s| Box::pin(organizations::stale(s))),
    ("licences: they read back and are removed", |s| Box::pin(organizations::licences_read_back(s))),
    ("licences: a stale change is refused", |s| Box::pin(organizations::licences_stale(s))),
    ("clients: they read back and are removed with their keys", |s| Box::pin(clients::read_back(s))),
    ("clients: a stale change is refused", |s| Box::pin(clients::stale(s))),
    ("clients: of changes at the same time one succeeds", |s| Box::pin(clients::one_at_a_time(s))),
    ("clients: a credential is found by either id", |s| Box::pin(clients::credentials(s))),
    ("clients: many are added with their keys, or none", |s| Box::pin(bulk::all_or_none(s))),
    ("clients: pages have the keys with them", |s| Box::pin(bulk::pages_with_keys(s))),
    ("access keys: they are found as secrets write their ids", |s| Box::pin(bulk::written_ids(s))),
    ("access keys: they read back and are removed", |s| Box::pin(access_keys::read_back(s))),
    ("access keys: a stale change is refused", |s| Box::pin(access_keys::stale(s))),
    ("access keys: a third is refused", |s| Box::pin(access_keys::third(s))),
    ("access keys: a third is refused at the same time", |s| Box::pin(access_keys::third_at_once(s))),
    ("access keys: an active one stays", |s| Box::pin(access_keys::active_stays(s))),
    ("ids: those of clients, keys and users are unique together", |s| Box::pin(identifiers::unique(s))),
    ("ids: other realms have their own", |s| Box::pin(identifiers::by_realm(s))),
    ("ids: one comes back only in its organization", |s| Box::pin(identifiers::come_back(s))),
    ("ids: one of a client that could not be added stays free", |s| Box::pin(identifiers::stay_free(s))),
    ("users: they read back as they were written", |s| Box::pin(users::read_back(s))),
    ("users: a stale change is refused", |s| Box::pin(users::stale(s))),
    ("users: emails are unique without regard to case", |s| Box::pin(users::emails(s))),
    ("users: a member stays in the organization", |s| Box::pin(users::stay(s))),
    ("sessions: they read back, the newest first", |s| Box::pin(sessions::read_back(s))),
    ("sessions: none begins for a user who has changed", |s| Box::pin(sessions::stale(s))),
    ("sessions: none outlives what revokes its user", |s| Box::pin(sessions::revoked(s))),
    ("sessions: none is left by a password changed at the same time", |s| Box::pin(sessions::at_once(s))),
    ("sessions: a secret is renewed once", |s| Box::pin(sessions::renewed(s))),
    ("sessions: one, the others or all are ended", |s| Box::pin(sessions::ended(s))),
    ("sessions: a user has no more than a bounded number", |s| Box::pin(sessions::bounded(s))),
    ("sessions: those that are over are forgotten", |s| Box::pin(sessions::forgotten(s))),
    ("factors: they read back, by user and by handle", |s| Box::pin(factors::read_back(s))),
    ("factors: of two changes of one version one fails", |s| Box::pin(factors::stale(s))),
    ("links: they read back, and a later one takes the place", |s| Box::pin(links::read_back(s))),
    ("links: one is accepted once", |s| Box::pin(links::once(s))),
    ("links: one is accepted once at the same time", |s| Box::pin(links::once_at_once(s))),
    ("links: those that have ended are forgotten", |s| Box::pin(links::forgotten(s))),
    ("key checks: the first of a name stays", |s| Box::pin(key_checks::first_stays(s))),
    ("signing keys: a step of rotation is all or nothing", |s| Box::pin(signing_keys::steps(s))),
    ("signing keys: of the same step twice one fails", |s| Box::pin(signing_keys::same_step(s))),
    ("signing keys: one is removed at its version", |s| Box::pin(signing_keys::removed(s))),
    ("changes: numbers have no gap and appear in order", |s| Box::pin(changes::in_order(s))),
    ("changes: entries name what caches hold", |s| Box::pin(changes::entries(s))),
    ("changes: the old is forgotten from the begin on, and the last one stays", |s| {
        Box::pin(changes::forgotten(s))
    }),
    ("audit: rows read back, by organization and place", |s| Box::pin(audit::read_back(s))),
    ("audit: every method that changes something writes one row", |s| Box::pin(audit::every_method(s))),
    ("audit: the chain holds whoever changes what at the same time", |s| Box::pin(chain::holds(s))),
    ("audit: the old is forgotten, and the chain still holds", |s| Box::pin(chain::forgotten(s))),
    ("trail: changes are found by whatever is looked for", |s| Box::pin(trail::changes_found(s))),
    ("trail: tokens are found by time, client and customer", |s| Box::pin(trail::tokens_found(s))),
    ("trail: rare tokens are found a bit at a time", |s| Box::pin(trail::rare_tokens_found(s))),
    ("trail: refusals are found by time, reason and client", |s| Box::pin(trail::refusals_found(s))),
    ("trail: a customer reaches its own alone", |s| Box::pin(trail::within_reach(s))),
    ("repeats: a name stands for one request", |s| Box::pin(repeats::one(s))),
    ("repeats: they are forgotten in time", |s| Box::pin(repeats::forgotten(s))),
    ("revocations: each movement does what it says", |s| Box::pin(revocations::movements(s))),
    ("revocations: any sequence ends as the model says", |s| Box::pin(revocations::model(s))),
    ("revocations: the greatest wins in any order", |s| Box::pin(revocations::greatest(s))),
    ("revocations: they are listed from a place on", |s| Box::pin(revocations::listed(s))),
    ("revocations: they are forgotten in time", |s| Box::pin(revocations::forgotten(s))),
    ("revocations: too many of single tokens collapse", |s| Box::pin(revocations::collapse(s))),
    ("revocations: those of other clients do not count", |s| Box::pin(revocations::counted_alone(s))),
    ("boundaries: others find nothing", |s| Box::pin(boundaries::find_nothing(s))),
    ("ids: any order of making and deleting agrees with the model", |s| Box::pin(identifiers::model(s))),
    ("boundaries: any asker finds and changes its own alone", |s| Box::pin(boundaries::model(s))),
    ("boundaries: others change nothing", |s| Box::pin(boundaries::change_nothing(s))),
    ("boundaries: nothing is added where there is no place", |s| Box::pin(boundaries::no_place(s))),
    ("boundaries: what names nothing finds nothing", |s| Box::pin(boundaries::strange_names(s))),
    ("pages: a walk meets everything once and in order", |s| Box::pin(pages::walk(s))),
    ("pages: strange cursors and limits do no harm", |s| Box::pin(pages::strange(s))),
    ("journal: a token is found by its id and its request's", |s| Box::pin(journal::found(s))),
    ("journal: the latest token is known", |s| Box::pin(journal::latest(s))),
    ("journal: a token is found whatever the clock did", |s| Box::pin(journal::any_moment(s))),
    ("journal: a batch's place is used once", |s| Box::pin(journal::place(s))),
    ("journal: the old is forgotten", |s| Box::pin(journal::forgotten(s))),
    ("journal: a token that is given again is no further token", |s| Box::pin(journal::given_again(s))),
    ("journal: a token beyond a quota reads back as one", |s| Box::pin(journal::beyond_quota(s))),
    ("usage: batches are counted once", |s| Box::pin(journal::counted_once(s))),
    ("usage: what nobody counts is counted by others", |s| Box::pin(journal::counted_by_others(s))),
    ("usage: batches are counted once by many", |s| Box::pin(journal::counted_by_many(s))),
    ("usage: the sums are those of the tokens", |s| Box::pin(journal::sums(s))),
    ("usage: the last use is the latest", |s| Box::pin(journal::last_use(s))),
    ("usage: tokens are counted by the hour", |s| Box::pin(journal::hours(s))),
    ("usage: answers are those of a model, rolled up or not", |s| Box::pin(usage::model(s))),
    ("usage: a walk meets every client once", |s| Box::pin(usage::walk(s))),
    ("usage: nobody sees another's, by no cursor", |s| Box::pin(usage::boundaries(s))),
    ("usage: the busiest come first", |s| Box::pin(usage::busiest(s))),
    ("usage: what rolls up at the same time is moved once", |s| Box::pin(usage::rolled_up_by_many(s))),
    ("usage: hours are forgotten, days and last uses stay", |s| Box::pin(usage::forgotten(s))),
    ("usage: refusals are counted once, unknown clients as one", |s| Box::pin(usage::refusals(s))),
    ("usage: refusals are told apart by exact reasons, of which there are so many", |s| {
        Box::pin(usage::reasons(s))
    }),
    ("usage: a question without sense is refused", |s| Box::pin(usage::senseless(s))),
    ("lists: filters find what begins so", |s| Box::pin(lists::filters(s))),
    ("lists: any filter and page agrees with the model", |s| Box::pin(lists::model(s))),
    ("lists: they follow every change", |s| Box::pin(lists::changes(s))),
    ("lists: strange filters and cursors do no harm", |s| Box::pin(lists::strange(s))),
    ("orders: any of them agrees with the model, whatever is filtered", |s| Box::pin(orders::model(s))),
    ("orders: it is the same where many begin so", |s| Box::pin(orders::many(s))),
    ("orders: of people it is by email and role", |s| Box::pin(orders::people(s))),
    ("orders: pages have no gap and no repetition while things come and go", |s| Box::pin(orders::moving(s))),
    ("orders: they follow every change", |s| Box::pin(orders::changes(s))),
    ("orders: a cursor goes on in its own alone", |s| Box::pin(orders::cursors(s))),
    ("refusals: they read back by request", |s| Box::pin(refusals::read_back(s))),
    ("refusals: the old and the excess are forgotten", |s| Box::pin(refusals::forgotten(s))),
];

/// Runs every promise, each on a store of its own, and panics with the names of those that were broken.
pub async fn run_all(mut make: impl AsyncFnMut() -> Shared) {
    let mut broken = Vec::new();
    for (name, promise) in PROMISES {
        if tokio::spawn(promise(make().await)).await.is_err() {
            eprintln!("broken: {name}");
            broken.push(*name);
        }
    }
    assert!(broken.is_empty(), "{} of {} promises are broken: {broken:#?}", broken.len(), PROMISES.len());
}
