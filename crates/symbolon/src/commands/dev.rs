//! `symbolon dev`: the sandbox in one command, without configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use symbolon_core::apply::{self, description::Description};
use symbolon_core::audit::Actor;
use symbolon_core::authority::Settings;
use symbolon_core::directory::Directory;
use symbolon_core::realm::RealmId;
use symbolon_core::resource_server::ResourceServerSettings;
use symbolon_sandbox::{SandboxConfig, TlsAddress};
use symbolon_server::listen::{Limits, Listener};
use symbolon_server::metrics::{RequestCounts, Sources};
use symbolon_server::router::{router, watched};
use symbolon_server::state::ServerState;
use symbolon_server::tls::CurrentTls;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::cli::DevOptions;
use crate::commands::{Installation, first_operator, stop_signal};
use crate::open_store::{Choice, Database};
use crate::{files, key_files};

/// Runs the command.
pub async fn run(options: DevOptions) -> anyhow::Result<ExitCode> {
    let data = options.data.clone();
    let choice = Choice { url: options.database_url, url_file: options.database_url_file, connections: None };
    let database = Database::choose(&choice, &data)?;
    files::private_folder(&data)?;
    let socket = bind(options.listen).await?;
    let base = format!("http://{}", reachable(socket.local_addr()?));
    let mut listeners = vec![Listener { socket, tls: None, counts: Arc::default() }];
    let mut tls_address = None;
    if options.tls {
        let socket = bind(options.tls_listen).await?;
        let port = socket.local_addr()?.port();
        let (config, ca_file) = certificate(&data)?;
        tls_address = Some(TlsAddress { base_url: format!("https://localhost:{port}"), ca_file });
        listeners.push(Listener { socket, tls: Some(config), counts: Arc::default() });
    }
    key_files::make_if_missing(key_files::master_keys(None), &data)?;
    key_files::make_if_missing(key_files::peppers(None), &data)?;
    let settings = Settings::new(&base, RealmId::new("default")?);
    let mut installation = Installation::open(&database, &data, None, None, settings).await?;
    let authority = installation.authority.clone();

    let sandbox = SandboxConfig { base, tls: tls_address, data: data.clone() };
    let mut seed = symbolon_sandbox::prepare(&sandbox)?;
    keep_what_is_there(&mut seed.description, authority.directory());
    let plan = apply::plan(&authority, &seed.description).await?;
    apply::execute(&authority, &Actor::system("sandbox"), plan, |_| Ok(())).await?;
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
    announce(&sandbox, options.credentials.as_deref(), first_operator);
    stop_signal().await?;
    stop.send_replace(true);
    for task in serving {
        let _ = task.await;
    }
    installation.close().await;
    Ok(ExitCode::SUCCESS)
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

fn announce(sandbox: &SandboxConfig, credentials: Option<&Path>, first_operator: Option<String>) {
    println!("Listening on   {}", sandbox.base);
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
