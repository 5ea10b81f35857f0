//! `symbolon dev`: the sandbox in one command, without configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use symbolon_core::apply::{self, description::Description};
use symbolon_core::audit::{Actor, ActorKind, SubjectKind};
use symbolon_core::authority::Settings;
use symbolon_core::directory::Directory;
use symbolon_core::realm::RealmId;
use symbolon_core::resource_server::ResourceServerSettings;
use symbolon_core::store::Store;
use symbolon_core::trail::{ChangeFilter, TrailRequest};
use symbolon_sandbox::{SandboxConfig, TlsAddress};
use symbolon_server::listen::{Limits, Listener};
use symbolon_server::metrics::{RequestCounts, Sources};
use symbolon_server::router::{router, watched};
use symbolon_server::state::ServerState;
use symbolon_server::tls::CurrentTls;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::cli::DevOptions;
use crate::commands::{Installation, end_at_second_signal, first_operator, stop_signal};
use crate::open_store::{self, Choice, Database};
use crate::{files, key_files};

/// Who stands in the record of what the sandbox made.
const ACTOR: &str = "sandbox";
const DEFAULT_REALM: &str = "default";

/// Runs the command.
pub async fn run(options: DevOptions) -> anyhow::Result<ExitCode> {
    let data = options.data.clone();
    let choice = Choice { url: options.database_url, url_file: options.database_url_file, connections: None };
    let database = Database::choose(&choice, &data)?;
    refuse_others(&database, &data).await?;
    files::private_folder(&data)?;
    let socket = bind(options.listen).await?;
    let mut addresses = vec![socket.local_addr()?];
    let base = format!("http://{}", reachable(socket.local_addr()?));
    let mut listeners = vec![Listener { socket, tls: None, counts: Arc::default() }];
    let mut tls_address = None;
    if options.tls {
        let socket = bind(options.tls_listen).await?;
        let address = socket.local_addr()?;
        addresses.push(address);
        let port = address.port();
        let (config, ca_file) = certificate(&data)?;
        tls_address = Some(TlsAddress { base_url: format!("https://localhost:{port}"), ca_file });
        listeners.push(Listener { socket, tls: Some(config), counts: Arc::default() });
    }
    key_files::make_if_missing(key_files::master_keys(None), &data)?;
    key_files::make_if_missing(key_files::peppers(None), &data)?;
    let settings = Settings::new(&base, RealmId::new(DEFAULT_REALM)?);
    let mut installation = Installation::open(&database, &data, None, None, settings).await?;
    let authority = installation.authority.clone();

    let sandbox = SandboxConfig { base, tls: tls_address, data: data.clone() };
    let mut seed = symbolon_sandbox::prepare(&sandbox)?;
    keep_what_is_there(&mut seed.description, authority.directory());
    let plan = apply::plan(&authority, &seed.description).await?;
    apply::execute(&authority, &Actor::system(ACTOR), plan, |_| Ok(())).await?;
    let apis = symbolon_sandbox::apis(authority.clone(), &sandbox).await?;
    installation.keep();

    let requests = Arc::<RequestCounts>::default();
    let mut routes = apis;
    // Whoever reaches a loopback address is on this machine, where the credentials lie as well.
    if options.listen.ip().is_loopback() {
        let sources = Sources {
            authority: Arc::clone(&authority),
            requests: Arc::clone(&requests),
            connections: listeners.iter().map(|one| (one.scheme(), Arc::clone(&one.counts))).collect(),
            spans: Arc::default(),
            version: env!("CARGO_PKG_VERSION"),
        };
        routes = routes.merge(sources.router());
    }
    let first_operator = first_operator::address(&authority, &sandbox.base).await?;
    let state = ServerState { authority, trusted_proxies: [].into() };
    let app = watched(router(state.clone()).merge(routes), state, requests, None);
    let (stop, stopping) = watch::channel(false);
    let mut serving = Vec::new();
    for listener in listeners {
        let limits = Limits::default();
        serving.push(tokio::spawn(symbolon_server::listen::serve(
            listener,
            app.clone(),
            limits,
            stopping.clone(),
        )));
    }
    drop(app);
    if let Some(path) = &options.credentials {
        let text = serde_json::to_string_pretty(&seed.credentials.to_json())?;
        files::replace_private(path, text.as_bytes())?;
    }
    print!("{}", seed.credentials.print());
    announce(&sandbox, options.credentials.as_deref(), first_operator, &addresses);
    stop_signal().await?;
    end_at_second_signal();
    stop.send_replace(true);
    for task in serving {
        let _ = task.await;
    }
    installation.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Refuses an installation that the sandbox did not make: its clients, whose secrets lie in files, and its keys have no
/// business in anybody's own. (Its folder has a copy of what it applied since its first start; a database says itself
/// who made the default realm.)
async fn refuse_others(database: &Database, data: &Path) -> anyhow::Result<()> {
    let place = match database.has_data() {
        Some(false) => return Ok(()),
        Some(true) if symbolon_sandbox::was_in(data) => return Ok(()),
        Some(true) => format!("the installation in {}", data.display()),
        None => "the installation in that database".to_owned(),
    };
    let store = open_store::open(database.clone()).await?;
    let is_others = is_others(&*store).await;
    store.close().await;
    if is_others? {
        bail!(
            "{place} was not made by the sandbox, which would put its demo clients into it: give it a place of its own \
             (--data symbolon-sandbox), or run `symbolon serve` for a server"
        );
    }
    Ok(())
}

/// Whether there are realms, and the default one was not made by the sandbox.
async fn is_others(store: &dyn Store) -> anyhow::Result<bool> {
    if store.list_realms().await?.is_empty() {
        return Ok(false);
    }
    let made = ChangeFilter {
        actor: Some((ActorKind::System, Some(ACTOR.to_owned()))),
        subject: Some((SubjectKind::Realm, None)),
        action: Some("create".to_owned()),
        ..ChangeFilter::default()
    };
    let one = TrailRequest { limit: 1, ..TrailRequest::default() };
    let found = store.list_audit(&RealmId::new(DEFAULT_REALM)?, &made, &one).await?;
    Ok(found.items.is_empty())
}

/// On a later start only the addresses under which the APIs are asked for are set again, since they hold the
/// port: what people changed, disabled or deleted in the meantime stays as they left it.
fn keep_what_is_there(description: &mut Description, directory: &Directory) {
    for realm in &mut description.realms {
        let Some(known) = directory.realm(realm.id.as_str()) else { continue };
        realm.status = None;
        realm.settings = None;
        realm.policies.clear();
        realm.organizations.clear();
        realm.operators.clear();
        for server in &mut realm.resource_servers {
            let Some(stored) = known.resource_server(&server.identifier) else { continue };
            let aliases = server.settings.take().unwrap_or_default().aliases;
            server.status = None;
            server.settings = Some(ResourceServerSettings { aliases, ..stored.settings.clone() });
        }
    }
}

fn announce(
    sandbox: &SandboxConfig,
    credentials: Option<&Path>,
    first_operator: Option<String>,
    addresses: &[SocketAddr],
) {
    println!("Listening on   {}", sandbox.base);
    print!("{}", warning(addresses));
    match first_operator {
        // An address stands alone: it is longer than a line, and copied whole.
        Some(address) => println!("Console        once, within 30 minutes, at\n{address}"),
        None => println!("Console        {}/console", sandbox.base),
    }
    println!("Data in        {}", sandbox.data.display());
    if let Some(path) = credentials {
        println!("Credentials in {}", path.display());
    }
    println!("Stop with Ctrl-C.");
}

/// What is said where not this machine alone reaches the sandbox.
fn warning(addresses: &[SocketAddr]) -> String {
    let outside = addresses.iter().filter(|address| !address.ip().is_loopback());
    let place = |address: &SocketAddr| {
        if address.ip().is_unspecified() {
            return format!("all addresses of this machine, port {}", address.port());
        }
        address.to_string()
    };
    let places: Vec<String> = outside.map(place).collect();
    if places.is_empty() {
        return String::new();
    }
    format!(
        "               and on {}\nWarning        others can reach the sandbox and its demo credentials: put nothing of \
         worth into it\n",
        places.join(", and ")
    )
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| {
        format!("cannot listen on {address}; choose another address with --listen or --tls-listen")
    })
}

/// An address that a client on this machine can use.
fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    let ip: std::net::IpAddr = match address {
        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

/// A certificate for this machine by a certificate authority that exists for this run alone: its key is never
/// written, its certificate is, for clients to trust.
fn certificate(data: &Path) -> anyhow::Result<(Arc<CurrentTls>, PathBuf)> {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "Symbolon sandbox, this run only");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let mut server = CertificateParams::new(vec!["localhost".to_owned()])?;
    server.distinguished_name.push(DnType::CommonName, "localhost");
    server.subject_alt_names.push(SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
    server.subject_alt_names.push(SanType::IpAddress(std::net::Ipv6Addr::LOCALHOST.into()));
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &issuer)?;
    let ca_file = std::path::absolute(data)?.join("ca.pem");
    files::replace_private(&ca_file, issuer.pem().as_bytes())?;
    let config = CurrentTls::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())?;
    Ok((config, ca_file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_opens_the_sandbox_to_others_is_warned() {
        let said = |text: &str| warning(&[text.parse().unwrap()]);
        assert_eq!(said("127.0.0.1:8080") + &said("[::1]:8080"), "");
        assert!(said("0.0.0.0:8080").contains("all addresses of this machine, port 8080\nWarning"));
        assert!(said("192.0.2.1:80").contains("on 192.0.2.1:80\nWarning"));
    }
}
