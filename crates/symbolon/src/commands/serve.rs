//! `symbolon serve`: the server, plain form.

use std::process::ExitCode;

use anyhow::Context as _;
use symbolon_server::listen::{Limits, Listener};
use symbolon_server::router::{router, with_request_id};
use symbolon_server::state::ServerState;
use symbolon_server::tls;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::cli::ServeOptions;
use crate::commands::{Installation, stop_signal};
use crate::config::Config;

/// Runs the command.
pub async fn run(options: ServeOptions) -> anyhow::Result<ExitCode> {
    let config = Config::load(options.settings)?;
    let mut installation = Installation::open(
        &config.database,
        &config.data,
        config.master_key_file.as_ref(),
        config.pepper_file.as_ref(),
        config.authority.clone(),
    )
    .await?;
    let listeners = listeners(&config).await?;
    installation.keep();
    if installation.authority.directory().default_realm().is_none() {
        tracing::warn!(
            "there is no default realm yet: describe one in a file and run `symbolon apply` (docs/apply.md)"
        );
    }
    let state = ServerState {
        authority: installation.authority.clone(),
        trusted_proxies: config.trusted_proxies.clone().into(),
    };
    let app = with_request_id(router(state.clone()), state);
    let (stop, stopping) = watch::channel(false);
    let limits = Limits { connections: config.connections, ..Limits::default() };
    let mut serving = Vec::new();
    for listener in listeners {
        let scheme = if listener.tls.is_some() { "https" } else { "http" };
        let address = listener.socket.local_addr()?;
        tracing::info!(%address, scheme, base_url = config.base_url, "listening");
        serving.push(tokio::spawn(symbolon_server::listen::serve(
            listener,
            app.clone(),
            limits,
            stopping.clone(),
        )));
    }
    drop(app);
    stop_signal().await?;
    tracing::info!("stopping: running requests are finished first");
    stop.send_replace(true);
    for task in serving {
        let _ = task.await;
    }
    installation.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn listeners(config: &Config) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    if let Some(address) = config.listen {
        let socket =
            TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        listeners.push(Listener { socket, tls: None });
    }
    if let Some(files) = &config.tls {
        let tls = tls::from_pem_files(&files.certificate, &files.key)?;
        let socket = TcpListener::bind(files.listen).await;
        let socket = socket.with_context(|| format!("cannot listen on {}", files.listen))?;
        listeners.push(Listener { socket, tls: Some(tls) });
    }
    Ok(listeners)
}
