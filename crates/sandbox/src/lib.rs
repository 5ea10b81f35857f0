//! What `symbolon dev` has to show: two seeded realms, and four sample APIs behind the guard that customers of the
//! five published systems would call. The APIs run in the server's process and verify tokens offline all the
//! same; `feed` is the whole connection.

mod answer;
mod credentials;
mod ecoinvent;
mod error;
mod feed;
mod file;
mod m3ter;
mod metafold;
mod meti;
mod print;
mod secrets;
mod seed;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use symbolon_core::authority::Authority;
use symbolon_core::clock::Clock;
use symbolon_core::directory::Directory;
use symbolon_guard::{Guard, Issuer};

use crate::credentials::{DEFAULT_REALM, ECOINVENT, ECOINVENT_REALM, M3TER, METAFOLD, METI};
use crate::feed::{AuthorityClock, RealmFeed};
use crate::seed::Addresses;

pub use credentials::Credentials;
pub use error::SandboxError;
pub use seed::{Seed, prepare, was_in};

/// How the sandbox is reached, and where it keeps its files.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// The server's address, without a slash at its end.
    pub base: String,
    /// The same server over TLS, where it has such an address.
    pub tls: Option<TlsAddress>,
    /// The folder for secrets, the applied seed and the sources of METI's API.
    pub data: PathBuf,
}

/// A TLS address whose certificate comes from an authority of its own.
#[derive(Clone, Debug)]
pub struct TlsAddress {
    /// The address, without a slash at its end.
    pub base_url: String,
    /// The certificate of the authority, PEM.
    pub ca_file: PathBuf,
}

/// Makes the sample APIs, once the seed has been applied.
///
/// A task is spawned that tells the guards of changes; it ends when the authority is gone.
pub async fn apis(authority: Arc<Authority>, config: &SandboxConfig) -> Result<Router, SandboxError> {
    let addresses = Addresses::of(config)?;
    file::make_folder(&config.data).map_err(SandboxError::file(&config.data))?;
    let clock = AuthorityClock(Arc::downgrade(&authority));
    let sources = config.data.join("sources.json");
    let sources = {
        let clock = clock.clone();
        tokio::task::spawn_blocking(move || meti::open(sources, Arc::new(clock)))
            .await
            .map_err(|error| SandboxError::Seed(error.to_string()))??
    };

    let directory = authority.directory();
    let moved = directory.watch();
    let (mut shared, mut ecoinvent) = (RealmFeed::new(DEFAULT_REALM), RealmFeed::new(ECOINVENT_REALM));
    shared.publish(directory);
    ecoinvent.publish(directory);

    let place = Place { directory, base: &addresses.base, clock: &clock };
    let guards = [
        place.guard("meti", METI, &shared)?,
        place.guard("metafold", METAFOLD, &shared)?,
        place.guard("ecoinvent", ECOINVENT, &ecoinvent)?,
        place.guard("m3ter", M3TER, &shared)?,
    ];
    let router = routes(&guards, sources)?;
    tokio::spawn(feed::run(vec![shared, ecoinvent], Arc::downgrade(&authority), moved));
    Ok(router)
}

/// What every guard is built from.
struct Place<'a> {
    directory: &'a Directory,
    base: &'a str,
    clock: &'a AuthorityClock,
}

impl Place<'_> {
    fn guard(&self, name: &str, audience: &str, feed: &RealmFeed) -> Result<Guard, SandboxError> {
        let realm = feed.realm(self.directory)?;
        let server = realm
            .resource_server(audience)
            .ok_or_else(|| SandboxError::NotApplied(format!("the resource server {audience}")))?;
        let issuer = Issuer::new(realm.issuer(), feed.keys.clone()).revocations(feed.revocations.clone());
        let clock = self.clock.clone();
        let guard = Guard::builder()
            .issuer(issuer)
            .audience(audience)
            .realm(name)
            .resource_metadata(format!("{}/.well-known/oauth-protected-resource/{name}", self.base))
            .scopes_supported(server.settings.scopes.clone())
            .clock(move || clock.now().millis())
            .build()?;
        Ok(guard)
    }
}

/// The APIs, each behind its own guard, and what they say of themselves, which is open to everybody.
fn routes(guards: &[Guard; 4], sources: Arc<meti::Sources>) -> Result<Router, SandboxError> {
    let [meti, metafold, ecoinvent, m3ter] = guards;
    let mut router = Router::new()
        .merge(meti::routes(meti, sources)?)
        .merge(metafold::routes(metafold)?)
        .merge(ecoinvent::routes(ecoinvent)?)
        .merge(m3ter::routes(m3ter)?);
    for guard in guards {
        let document = guard.metadata_json();
        let answer = async move || ([(CONTENT_TYPE, "application/json")], document.clone());
        router = router.route(&guard.metadata_path(), get(answer));
    }
    Ok(router)
}
