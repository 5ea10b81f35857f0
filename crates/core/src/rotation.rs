//! Key rotation and forgetting: what a running authority does by itself, a small step at a time.
//!
//! Several nodes may run this on one database. Each step is one transaction that fails if another node has
//! taken it already, so the loser simply looks again.

use std::sync::Arc;
use std::time::Duration;

use symbolon_protocol::algorithm::Algorithm;
use symbolon_protocol::jws::SigningKey;
use symbolon_protocol::revocation::Kind;

use crate::audit::{Actor, Subject, SubjectKind};
use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::edit::{EditError, Editor};
use crate::id::{RealmId, sortable};
use crate::journal::count_left;
use crate::signing_key::{KeyState, Step, StoredSigningKey, next_step, next_step_out_of_use};
use crate::steady::Steadiness;
use crate::store::StoreError;

/// Refusals older than this are forgotten.
const REFUSAL_MEMORY: Duration = Duration::from_hours(30 * 24);
/// How long a request can be sent again under its name.
const REPEAT_MEMORY: Duration = Duration::from_hours(24);
/// How long changes stay in the sequence. A node that was not there for so long reads everything anew; long before that,
/// it has stopped deciding.
const CHANGE_MEMORY: Duration = Duration::from_hours(24);
/// No more refusals than this are kept.
const MOST_REFUSALS: u32 = 1_000_000;

/// Brings the keys of a realm to where they should be: makes missing ones, lets pending ones sign, removes those
/// whose last token has died.
pub async fn keep_keys(authority: &Authority, realm: &RealmId) -> Result<(), EditError> {
    take_steps(authority, realm, Care::Everything).await
}

/// Makes the keys without which nothing could be signed, and leaves all others as they are.
pub async fn make_missing_keys(authority: &Authority, realm: &RealmId) -> Result<(), EditError> {
    take_steps(authority, realm, Care::WhatIsMissing).await
}

/// How far keys are looked after: what the clock alone decides may have to wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    Everything,
    WhatIsMissing,
}

async fn take_steps(authority: &Authority, realm: &RealmId, care: Care) -> Result<(), EditError> {
    let actor = Actor::system("rotation");
    let editor = Editor { authority, actor: &actor, realm };
    // Each step leads on to at most a few others; the bound is against a clock gone mad.
    for _ in 0..32 {
        let Some(view) = authority.directory().realm(realm.as_str()) else { return Ok(()) };
        let keys = authority.store.list_signing_keys(realm).await?;
        let longest = view.realm().longest_lifetime.max(view.realm().settings.maximum_lifetime);
        let longest = Duration::from_secs(u64::try_from(longest).unwrap_or(0));
        let in_use = view.algorithms();
        let due = Algorithm::ALL.into_iter().find_map(|algorithm| {
            let of_algorithm: Vec<_> = keys.iter().filter(|key| key.algorithm == algorithm).collect();
            let signs = of_algorithm.iter().any(|key| key.state == KeyState::Active);
            if care == Care::WhatIsMissing && (signs || !in_use.contains(&algorithm)) {
                return None;
            }
            let step = if in_use.contains(&algorithm) {
                next_step(&of_algorithm, authority.settings.rotation, longest, authority.now())
            } else {
                next_step_out_of_use(&of_algorithm, authority.settings.rotation, longest, authority.now())
            };
            Some((algorithm, step?))
        });
        let Some((algorithm, step)) = due else { return Ok(()) };
        match take(editor, &keys, algorithm, step).await {
            // Somebody else took the step.
            Ok(()) | Err(EditError::Store(StoreError::Stale | StoreError::NotFound)) => editor.done().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn take(
    editor: Editor<'_>,
    keys: &[StoredSigningKey],
    algorithm: Algorithm,
    step: Step,
) -> Result<(), EditError> {
    let now = editor.now();
    match step {
        Step::CreateActive => add(editor, algorithm, KeyState::Active).await,
        Step::CreatePending => add(editor, algorithm, KeyState::Pending).await,
        Step::Activate(kid) => {
            let updated: Vec<_> = keys
                .iter()
                .filter(|key| key.algorithm == algorithm)
                .filter(|key| key.kid == kid || key.state == KeyState::Active)
                .map(|key| if key.kid == kid { activated(key, now) } else { retired(key, now) })
                .collect();
            let subject = Subject::new(SubjectKind::SigningKey, &kid);
            let change = editor.change::<StoredSigningKey>("activate", subject, None, None);
            Ok(editor.store().rotate_signing_keys(editor.realm, None, &updated, &change).await?)
        }
        Step::Retire(kid) => {
            let Some(key) = keys.iter().find(|key| key.kid == kid) else { return Ok(()) };
            let updated = retired(key, now);
            let subject = Subject::new(SubjectKind::SigningKey, &kid);
            let change = editor.change("retire", subject, Some(key), Some(&updated));
            Ok(editor.store().rotate_signing_keys(editor.realm, None, &[updated], &change).await?)
        }
        Step::Remove(kid) => {
            let Some(key) = keys.iter().find(|key| key.kid == kid) else { return Ok(()) };
            let change =
                editor.change("remove", Subject::new(SubjectKind::SigningKey, &kid), Some(key), None);
            Ok(editor.store().delete_signing_key(editor.realm, &kid, key.version, &change).await?)
        }
    }
}

/// Begins a rotation now: publishes the next key, which signs in place of the present one once every verifier that
/// caches the key set knows it. If one is on its way already, that is it.
pub async fn begin(editor: Editor<'_>, algorithm: Algorithm) -> Result<(), EditError> {
    let keys = editor.store().list_signing_keys(editor.realm).await?;
    let state = |state| keys.iter().any(|key| key.algorithm == algorithm && key.state == state);
    if !state(KeyState::Active) {
        return Err(EditError::Invalid(format!("nothing in this realm is signed with {}", algorithm.name())));
    }
    if !state(KeyState::Pending) {
        add(editor, algorithm, KeyState::Pending).await?;
    }
    editor.done().await
}

/// Makes a key and puts it in place.
async fn add(editor: Editor<'_>, algorithm: Algorithm, state: KeyState) -> Result<(), EditError> {
    let key = generate(editor, algorithm, state).await?;
    let change = editor.change("create", Subject::new(SubjectKind::SigningKey, &key.kid), None, Some(&key));
    Ok(editor.store().rotate_signing_keys(editor.realm, Some(&key), &[], &change).await?)
}

async fn generate(
    editor: Editor<'_>,
    algorithm: Algorithm,
    state: KeyState,
) -> Result<StoredSigningKey, EditError> {
    let authority = editor.authority;
    let failed = |text: String| EditError::Invalid(format!("a signing key could not be made: {text}"));
    // RSA takes a quarter of a second of computing at worst.
    let made = tokio::task::spawn_blocking(move || SigningKey::generate_pkcs8(algorithm)).await;
    let pkcs8 =
        made.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
    let now = editor.now();
    let kid = sortable("sig", now, authority.random())?;
    let public =
        SigningKey::from_pkcs8(algorithm, &kid, &pkcs8).map_err(|error| failed(error.to_string()))?.jwk();
    let context = StoredSigningKey::seal_context(editor.realm.as_str(), &kid);
    let private = authority.master_keys.seal(&pkcs8, &context, authority.random());
    Ok(StoredSigningKey {
        kid,
        algorithm,
        state,
        public,
        private: private.map_err(|error| failed(error.to_string()))?,
        published_at: now,
        active_at: (state == KeyState::Active).then_some(now),
        retired_at: None,
        version: 1,
    })
}

fn activated(key: &StoredSigningKey, now: Timestamp) -> StoredSigningKey {
    StoredSigningKey {
        state: KeyState::Active,
        active_at: Some(now),
        version: key.version + 1,
        ..key.clone()
    }
}

fn retired(key: &StoredSigningKey, now: Timestamp) -> StoredSigningKey {
    StoredSigningKey {
        state: KeyState::Retired,
        retired_at: Some(now),
        version: key.version + 1,
        ..key.clone()
    }
}

/// Replaces a key that may be known to somebody else: in one step it is revoked by `kid` and, if it signed, a new
/// one signs in its place; then it leaves the key set.
pub async fn replace_compromised(editor: Editor<'_>, kid: &str) -> Result<(), EditError> {
    let keys = editor.store().list_signing_keys(editor.realm).await?;
    let key = keys.iter().find(|key| key.kid == kid).ok_or(StoreError::NotFound)?;
    let gone = retired(key, editor.now());
    let new = match key.state {
        KeyState::Active => Some(generate(editor, key.algorithm, KeyState::Active).await?),
        KeyState::Pending | KeyState::Retired => None,
    };
    let mut change =
        editor.change("revoke", Subject::new(SubjectKind::SigningKey, kid), Some(key), Some(&gone));
    change.revocations = vec![editor.gone(Kind::SigningKey, kid)?];
    let updated = std::slice::from_ref(&gone);
    editor.store().rotate_signing_keys(editor.realm, new.as_ref(), updated, &change).await?;
    let change = editor.change("remove", Subject::new(SubjectKind::SigningKey, kid), Some(&gone), None);
    editor.store().delete_signing_key(editor.realm, kid, gone.version, &change).await?;
    editor.done().await
}

/// Follows the change sequence, again and again: after every pause, and sooner where the store has word of a change.
/// (Changes that this process makes are followed at once.)
pub async fn follow(authority: Arc<Authority>, pause: Duration) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            Ok(()) = authority.store.wait_for_change() => {}
        }
        if let Err(error) = authority.directory().catch_up().await {
            tracing::warn!(%error, "the change sequence could not be followed");
        }
        // The journal may be slow where the state is not, and must not keep it from being followed.
        match tokio::time::timeout(pause, authority.follow_issues()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the latest token could not be looked up"),
            Err(_) => tracing::debug!("the latest token could not be looked up in time"),
        }
    }
}

/// Rotates keys and forgets what can be forgotten, again and again.
pub async fn maintain(authority: Arc<Authority>, pause: Duration) {
    let began = tokio::time::Instant::now();
    let mut upkeep = Upkeep::begin(authority.now());
    loop {
        upkeep.round(&authority, began.elapsed()).await;
        tokio::time::sleep(pause).await;
    }
}

/// What [`maintain`] does, a round at a time. Whatever only the clock says is due waits until the clock can be
/// trusted; missing keys are made at once.
#[derive(Debug)]
pub struct Upkeep(Steadiness);

impl Upkeep {
    /// Begins at what the clock says.
    pub const fn begin(now: Timestamp) -> Self {
        Self(Steadiness::begin(now))
    }

    /// One round, when so much time has really passed since the begin.
    pub async fn round(&mut self, authority: &Authority, passed: Duration) {
        // The one look at the clock: a machine that sleeps in the middle and wakes a day ahead forgets nothing more.
        let now = authority.now();
        let trusted = self.0.observe(now, passed);
        for view in authority.directory().realms() {
            if let Err(error) = keep_realm(authority, view.id(), now, trusted).await {
                tracing::warn!(realm = %view.id(), %error, "a realm's upkeep failed; it is tried again");
            }
        }
        keep_journal(authority, now, trusted).await;
    }
}

async fn keep_realm(
    authority: &Authority,
    realm: &RealmId,
    now: Timestamp,
    trusted: bool,
) -> Result<(), EditError> {
    if !trusted {
        return make_missing_keys(authority, realm).await;
    }
    keep_keys(authority, realm).await?;
    if authority.store.forget_revocations(realm, now).await? > 0 {
        authority.directory().refresh_realm(realm).await?;
    }
    if let Some(memory) = authority.settings.audit_memory {
        authority.store.forget_audit(realm, now.minus(memory)).await?;
    }
    Ok(())
}

async fn keep_journal(authority: &Authority, now: Timestamp, trusted: bool) {
    let store = &*authority.store;
    count_left(store, &*authority.clock).await;
    // Hours that are over; should the clock be wrong, nothing is lost, and what comes later is brought after them.
    let hour = Duration::from_hours(1).as_millis();
    let begun = now.millis().rem_euclid(i64::try_from(hour).unwrap_or(1));
    if let Err(error) = store.roll_up_usage(Timestamp::from_millis(now.millis() - begun)).await {
        tracing::warn!(%error, "usage could not be rolled up; it is tried again");
    }
    if let Some(memory) = authority.settings.usage_memory.filter(|_| trusted)
        && let Err(error) = store.forget_usage(now.minus(memory)).await
    {
        tracing::warn!(%error, "old usage could not be removed");
    }
    // Too many are too many at any time.
    let before = if trusted { now.minus(REFUSAL_MEMORY) } else { Timestamp::from_millis(i64::MIN) };
    if let Err(error) = store.forget_refusals(before, MOST_REFUSALS).await {
        tracing::warn!(%error, "old refusals could not be removed");
    }
    if trusted && let Err(error) = store.forget_repeats(now.minus(REPEAT_MEMORY)).await {
        tracing::warn!(%error, "old names of requests could not be removed");
    }
    if trusted && let Err(error) = store.forget_changes(now.minus(CHANGE_MEMORY)).await {
        tracing::warn!(%error, "old changes could not be removed from the sequence");
    }
    if trusted && let Err(error) = crate::sign_in::forget(authority, now).await {
        tracing::warn!(%error, "sessions and links that are over could not be removed");
    }
    if let Some(memory) = authority.settings.journal_memory.filter(|_| trusted)
        && let Err(error) = store.forget_tokens(now.minus(memory)).await
    {
        tracing::warn!(%error, "old records of tokens could not be removed");
    }
}
