//! `symbolon serve`: the server, plain form.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use symbolon_core::authority::Authority;
use symbolon_server::axum::Router;
use symbolon_server::listen::{self, Limits, Listener};
use symbolon_server::metrics::{ConnectionCounts, PATH as METRICS, RequestCounts, Sources};
use symbolon_server::router::{App, router, watched};
use symbolon_server::state::ServerState;
use symbolon_server::tls::Reloader;
use symbolon_server::traces::{RequestTraces, SpanCounts};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::cli::ServeOptions;
use crate::commands::{Installation, end_at_second_signal, first_operator, stop_signal};
use crate::config::Config;
use crate::descriptors;
use crate::service_manager::ServiceManager;
use crate::serving_lock;
use crate::traces::Traces;

/// How often the certificate's files are looked at.
const LOOK_PAUSE: Duration = Duration::from_secs(2);
/// Connections at once of those who read the metrics.
const READERS: usize = 64;

/// Runs the command.
pub async fn run(options: ServeOptions) -> anyhow::Result<ExitCode> {
    let offers_link = !options.no_operator_link;
    let config = Config::load(options.settings)?;
    let manager = ServiceManager::find();
    // From here on SIGHUP means: read the certificate again. Unhandled it would end the process.
    let hangups = signal(SignalKind::hangup())?;
    // Before the store, which this version may migrate under the feet of another one.
    let lock = || config.database.folder().map(serving_lock::hold).transpose();
    let mut held = lock()?.flatten();
    let mut installation = Installation::open(
        &config.database,
        &config.data,
        config.master_key_file.as_ref(),
        config.pepper_file.as_ref(),
        config.authority.clone(),
    )
    .await?;
    if held.is_none() {
        held = lock()?.flatten();
    }
    let authority = installation.authority.clone();
    let mut reloader = None;
    if let Some(tls) = &config.tls {
        reloader = Some(Reloader::open(tls.files.clone(), authority.now())?);
    }
    let listeners = listeners(&config, reloader.as_ref())?;
    installation.keep();
    if authority.directory().default_realm().is_none() {
        tracing::warn!(
            "there is no default realm yet: describe one in a file and run `symbolon apply` (docs/apply.md)"
        );
    }
    if offers_link {
        first_operator::offer(&authority, &config.base_url, &config.data).await;
    }
    let state =
        ServerState { authority: authority.clone(), trusted_proxies: config.trusted_proxies.clone().into() };
    let observation = Observation::begin(&config)?;
    let app = observation.watch(state);
    let metrics = observation.metrics(&config, &authority, &listeners)?;
    let (stop, stopping) = watch::channel(false);
    let connections = descriptors::connections(config.limits.connections, listeners.len());
    let limits = Limits { connections, ..config.limits };
    let mut serving = Vec::new();
    for listener in listeners {
        let scheme = listener.scheme();
        let address = listener.socket.local_addr()?;
        tracing::info!(%address, scheme, base_url = config.base_url, "listening");
        serving.push(tokio::spawn(listen::serve(listener, app.clone(), limits, stopping.clone())));
    }
    drop(app);
    if let Some((listener, page)) = metrics {
        let limits = Limits { connections: READERS, ..config.limits };
        serving.push(tokio::spawn(listen::serve(listener, page, limits, stopping)));
    }
    let following = tokio::spawn(follow(reloader, hangups, authority, manager.clone()));
    manager.ready();
    stop_signal().await?;
    end_at_second_signal();
    tracing::info!("stopping: running requests are finished first; a second signal stops at once");
    manager.stopping();
    following.abort();
    let _ = following.await;
    stop.send_replace(true);
    for task in serving {
        let _ = task.await;
    }
    installation.close().await;
    observation.finish();
    drop(held);
    Ok(ExitCode::SUCCESS)
}

/// Those who are told what happens: counters always, a collector of traces where one is configured.
struct Observation {
    requests: Arc<RequestCounts>,
    spans: Arc<SpanCounts>,
    traces: Option<Arc<Traces>>,
}

impl Observation {
    fn begin(config: &Config) -> anyhow::Result<Self> {
        let spans = Arc::<SpanCounts>::default();
        let traces = match &config.traces {
            Some(settings) => Some(Traces::start(settings, Arc::clone(&spans))?),
            None => None,
        };
        Ok(Self { requests: Arc::default(), spans, traces })
    }

    /// The app, watched.
    fn watch(&self, state: ServerState) -> App {
        let traces = self.traces.clone().map(|traces| traces as Arc<dyn RequestTraces>);
        watched(router(state.clone()), state, Arc::clone(&self.requests), traces)
    }

    /// The listener and the page of the metrics, if they are asked for.
    fn metrics(
        &self,
        config: &Config,
        authority: &Arc<Authority>,
        listeners: &[Listener],
    ) -> anyhow::Result<Option<(Listener, Router)>> {
        let Some(address) = config.metrics_listen else { return Ok(None) };
        let socket = listen::bind(address).with_context(|| format!("cannot listen on {address}"))?;
        let own = Arc::<ConnectionCounts>::default();
        let public = listeners.iter().map(|listener| (listener.scheme(), Arc::clone(&listener.counts)));
        let sources = Sources {
            authority: Arc::clone(authority),
            requests: Arc::clone(&self.requests),
            connections: public.chain([("metrics", Arc::clone(&own))]).collect(),
            spans: Arc::clone(&self.spans),
            version: env!("CARGO_PKG_VERSION"),
        };
        tracing::info!(address = %socket.local_addr()?, path = METRICS, "metrics can be read");
        Ok(Some((Listener { socket, tls: None, counts: own }, sources.router())))
    }

    /// Sends the last spans.
    fn finish(self) {
        if let Some(traces) = self.traces {
            tokio::task::block_in_place(|| traces.finish());
        }
    }
}

fn listeners(config: &Config, reloader: Option<&Reloader>) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    if let Some(address) = config.listen {
        let socket = listen::bind(address).with_context(|| format!("cannot listen on {address}"))?;
        listeners.push(Listener { socket, tls: None, counts: Arc::default() });
    }
    if let (Some(settings), Some(reloader)) = (&config.tls, reloader) {
        let socket =
            listen::bind(settings.listen).with_context(|| format!("cannot listen on {}", settings.listen))?;
        listeners.push(Listener { socket, tls: Some(reloader.tls()), counts: Arc::default() });
    }
    Ok(listeners)
}

/// Takes a renewed certificate over: when its files change, and when SIGHUP asks for it.
async fn follow(
    mut reloader: Option<Reloader>,
    mut hangups: Signal,
    authority: Arc<Authority>,
    manager: ServiceManager,
) {
    let mut looks = tokio::time::interval(LOOK_PAUSE);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            hangup = hangups.recv() => {
                if hangup.is_none() {
                    return;
                }
                manager.reloading();
                match &mut reloader {
                    Some(reloader) => tokio::task::block_in_place(|| reloader.reload(authority.now())),
                    None => tracing::info!("nothing to reload: only a certificate is, and there is none"),
                }
                manager.ready();
            }
            _ = looks.tick() => if let Some(reloader) = &mut reloader {
                tokio::task::block_in_place(|| reloader.look(authority.now()));
            }
        }
    }
}
