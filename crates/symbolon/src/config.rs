//! Configuration: flags go before the environment, that before the file, and that before the defaults.
//!
//! docs/configuration.md has the table of all settings.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use ipnet::IpNet;
use serde::Deserialize;
use symbolon_core::authority::Settings;
use symbolon_core::limit::Rate;
use symbolon_core::realm::RealmId;
use symbolon_core::signing_key::Rotation;
use symbolon_server::listen::Limits;
use symbolon_server::tls::PemFiles;

use crate::open_store::{Choice, Database, UrlText};
use crate::traces::TraceSettings;

/// The settings as flags, with the variables that stand for them.
#[derive(Clone, Debug, Default, Args)]
pub struct Flags {
    /// The configuration file, in TOML.
    #[arg(long, value_name = "FILE", env = "SYMBOLON_CONFIG")]
    pub config: Option<PathBuf>,
    /// The folder of the keys, and of the database files unless there is a database URL.
    #[arg(long, value_name = "DIR", env = "SYMBOLON_DATA")]
    pub data: Option<PathBuf>,
    /// The PostgreSQL database to use instead of files in the data folder. Other users of the machine can read a
    /// flag: give a password by the variable or by a file.
    #[arg(long, value_name = "URL", env = "SYMBOLON_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<UrlText>,
    /// A file with that URL, for the owner's eyes alone.
    #[arg(long, value_name = "FILE", env = "SYMBOLON_DATABASE_URL_FILE")]
    pub database_url_file: Option<PathBuf>,
    /// The public address of the installation, from which issuers derive.
    #[arg(long, value_name = "URL", env = "SYMBOLON_BASE_URL")]
    pub base_url: Option<String>,
    /// Where to listen for plain http.
    #[arg(long, value_name = "ADDR:PORT", env = "SYMBOLON_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Where to listen for https.
    #[arg(long, value_name = "ADDR:PORT", env = "SYMBOLON_TLS_LISTEN")]
    pub tls_listen: Option<SocketAddr>,
    /// The certificate chain, PEM.
    #[arg(long, value_name = "FILE", env = "SYMBOLON_TLS_CERTIFICATE")]
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key, PEM.
    #[arg(long, value_name = "FILE", env = "SYMBOLON_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// The file of the master keys.
    #[arg(long, value_name = "FILE", env = "SYMBOLON_MASTER_KEY_FILE")]
    pub master_key_file: Option<PathBuf>,
    /// The file of the peppers.
    #[arg(long, value_name = "FILE", env = "SYMBOLON_PEPPER_FILE")]
    pub pepper_file: Option<PathBuf>,
    /// The realm of requests to host names that no realm owns.
    #[arg(long, value_name = "REALM", env = "SYMBOLON_DEFAULT_REALM")]
    pub default_realm: Option<String>,
    /// Networks of reverse proxies whose X-Forwarded-For is believed.
    #[arg(long, value_name = "NETWORK", env = "SYMBOLON_TRUSTED_PROXIES", value_delimiter = ',',
        value_parser = symbolon_core::network::parse)]
    pub trusted_proxies: Option<Vec<IpNet>>,
    /// Where to listen for whoever reads the metrics. They hold no secret, and are nobody else's business.
    #[arg(long, value_name = "ADDR:PORT", env = "SYMBOLON_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// The collector that traces are sent to, by OTLP over HTTP; for instance http://127.0.0.1:4318.
    #[arg(long, value_name = "URL", env = "SYMBOLON_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
}

/// The settings as they may stand in a file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileSettings {
    data: Option<PathBuf>,
    #[serde(deserialize_with = "read_url")]
    database_url: Option<UrlText>,
    database_url_file: Option<PathBuf>,
    database_connections: Option<u32>,
    base_url: Option<String>,
    listen: Option<SocketAddr>,
    tls_listen: Option<SocketAddr>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    master_key_file: Option<PathBuf>,
    pepper_file: Option<PathBuf>,
    default_realm: Option<String>,
    #[serde(deserialize_with = "read_networks")]
    trusted_proxies: Option<Vec<IpNet>>,
    max_directory_age_ms: Option<u64>,
    key_rotation_days: Option<u64>,
    jwks_max_age_seconds: Option<u64>,
    cached_clients: Option<usize>,
    cached_organizations: Option<usize>,
    connections: Option<u64>,
    journal_days: Option<u64>,
    audit_days: Option<u64>,
    usage_days: Option<u64>,
    idle_timeout_seconds: Option<u64>,
    metrics_listen: Option<SocketAddr>,
    otlp_endpoint: Option<String>,
    otlp_sampling_ratio: Option<f64>,
    management_requests_per_second: Option<u64>,
    management_request_burst: Option<u64>,
}

fn read_url<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Option<UrlText>, D::Error> {
    String::deserialize(text).map(|text| Some(UrlText::from(text)))
}

fn read_networks<'de, D: serde::Deserializer<'de>>(list: D) -> Result<Option<Vec<IpNet>>, D::Error> {
    symbolon_core::network::list(list).map(Some)
}

/// A TLS listener.
#[derive(Debug)]
pub struct TlsSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Certificate chain and private key.
    pub files: PemFiles,
}

/// The settings in force.
#[derive(Debug)]
pub struct Config {
    /// The folder of the keys, and of the database if it is SQLite.
    pub data: PathBuf,
    /// The database.
    pub database: Database,
    /// The public address, without a slash at its end.
    pub base_url: String,
    /// Plain http; absent where only https was asked for.
    pub listen: Option<SocketAddr>,
    /// https.
    pub tls: Option<TlsSettings>,
    /// The file of the master keys.
    pub master_key_file: Option<PathBuf>,
    /// The file of the peppers.
    pub pepper_file: Option<PathBuf>,
    /// Believed proxies.
    pub trusted_proxies: Vec<IpNet>,
    /// How many connections, and for how long.
    pub limits: Limits,
    /// Where the metrics are read.
    pub metrics_listen: Option<SocketAddr>,
    /// Where traces go.
    pub traces: Option<TraceSettings>,
    /// What the authority is told.
    pub authority: Settings,
}

/// In seconds.
const DAY: u64 = 86_400;
const DEFAULT_DATA: &str = "symbolon-data";
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

impl Config {
    /// Puts flags, environment and file together.
    pub fn load(flags: Flags) -> anyhow::Result<Self> {
        let file = match &flags.config {
            None => FileSettings::default(),
            Some(path) => read_file(path)?,
        };
        Self::merge(flags, file)
    }

    fn merge(flags: Flags, file: FileSettings) -> anyhow::Result<Self> {
        let tls_listen = flags.tls_listen.or(file.tls_listen);
        let certificate = flags.tls_certificate.or(file.tls_certificate);
        let key = flags.tls_key.or(file.tls_key);
        let tls = match (tls_listen, certificate, key) {
            (None, None, None) => None,
            (Some(listen), Some(certificate), Some(key)) => {
                Some(TlsSettings { listen, files: PemFiles { certificate, key } })
            }
            _ => bail!("https needs all three: tls_listen, tls_certificate and tls_key"),
        };
        let listen = flags.listen.or(file.listen).or(tls.is_none().then_some(DEFAULT_LISTEN));
        let base_url = match (flags.base_url.or(file.base_url), listen) {
            (Some(url), _) => checked_base(&url)?,
            (None, Some(listen)) if listen.ip().is_loopback() => format!("http://{listen}"),
            (None, _) => {
                bail!("base_url is needed: the public address, for instance https://auth.example.com")
            }
        };
        let realm = flags.default_realm.or(file.default_realm).unwrap_or_else(|| "default".to_owned());
        let realm = RealmId::new(&realm).with_context(|| format!("default_realm {realm:?}"))?;
        let mut authority = Settings::new(&base_url, realm);
        if let Some(millis) = file.max_directory_age_ms {
            // Less than it takes to ask the database and hear from it would let nothing be minted.
            within("max_directory_age_ms", millis, 500..=DAY * 1000)?;
            authority.directory.max_age = Duration::from_millis(millis);
            if millis > 2000 {
                tracing::warn!(
                    max_directory_age_ms = millis,
                    "tokens may be minted for this long after something was disabled while the database is away"
                );
            }
        }
        let days = within("key_rotation_days", file.key_rotation_days.unwrap_or(90), 1..=3650)?;
        let max_age = within("jwks_max_age_seconds", file.jwks_max_age_seconds.unwrap_or(300), 0..=DAY)?;
        authority.rotation =
            Rotation { every: Duration::from_secs(days * DAY), max_age: Duration::from_secs(max_age) };
        if let Some(days) = file.journal_days {
            within("journal_days", days, 0..=36_500)?;
            authority.journal_memory = (days > 0).then(|| Duration::from_secs(days * DAY));
        }
        if let Some(days) = file.audit_days {
            within("audit_days", days, 0..=36_500)?;
            authority.audit_memory = (days > 0).then(|| Duration::from_secs(days * DAY));
        }
        if let Some(days) = file.usage_days {
            within("usage_days", days, 0..=36_500)?;
            authority.usage_memory = (days > 0).then(|| Duration::from_secs(days * DAY));
        }
        authority.management_rate =
            management_rate(file.management_requests_per_second, file.management_request_burst)?;
        authority.directory.clients = file.cached_clients.unwrap_or(authority.directory.clients);
        authority.directory.organizations =
            file.cached_organizations.unwrap_or(authority.directory.organizations);
        let data = flags.data.or(file.data).unwrap_or_else(|| PathBuf::from(DEFAULT_DATA));
        // Flag or file, whichever of the two was given nearer.
        let (url, url_file) = match (flags.database_url, flags.database_url_file) {
            (None, None) => (file.database_url, file.database_url_file),
            nearer => nearer,
        };
        let choice = Choice { url, url_file, connections: file.database_connections };
        let mut limits = Limits::default();
        if let Some(given) = file.connections {
            limits.connections = usize::try_from(within("connections", given, 1..=1_000_000)?)?;
        }
        if let Some(given) = file.idle_timeout_seconds {
            limits.idle = Duration::from_secs(within("idle_timeout_seconds", given, 1..=DAY)?);
        }
        let ratio = file.otlp_sampling_ratio.unwrap_or(1.0);
        let traces = match flags.otlp_endpoint.or(file.otlp_endpoint) {
            Some(endpoint) => Some(TraceSettings::new(&endpoint, ratio)?),
            None => None,
        };
        Ok(Self {
            database: Database::choose(&choice, &data)?,
            data,
            base_url,
            listen,
            tls,
            master_key_file: flags.master_key_file.or(file.master_key_file),
            pepper_file: flags.pepper_file.or(file.pepper_file),
            trusted_proxies: flags.trusted_proxies.or(file.trusted_proxies).unwrap_or_default(),
            limits,
            metrics_listen: flags.metrics_listen.or(file.metrics_listen),
            traces,
            authority,
        })
    }
}

/// The rate of each caller of the management API; a burst is five seconds of it, unless it is said.
fn management_rate(per_second: Option<u64>, burst: Option<u64>) -> anyhow::Result<Option<Rate>> {
    let per_second = within("management_requests_per_second", per_second.unwrap_or(100), 0..=100_000)?;
    let burst = within("management_request_burst", burst.unwrap_or(per_second.max(1) * 5), 1..=1_000_000)?;
    Ok(Rate::new(u32::try_from(per_second)?, u32::try_from(burst)?))
}

/// A number that makes sense, or an error that says which would.
pub(crate) fn within(name: &str, given: u64, sense: RangeInclusive<u64>) -> anyhow::Result<u64> {
    if !sense.contains(&given) {
        bail!("{name} = {given} makes no sense: give a number from {} to {}", sense.start(), sense.end());
    }
    Ok(given)
}

fn read_file(path: &Path) -> anyhow::Result<FileSettings> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("the configuration {}", path.display()))?;
    // The error's own text would show the line, which may hold a password.
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        anyhow::anyhow!("the configuration {}, line {line}: {}", path.display(), error.message())
    })
}

fn checked_base(url: &str) -> anyhow::Result<String> {
    let base = url.trim_end_matches('/');
    if symbolon_core::protocol::metadata::well_known(base, "").is_none() || base.contains(['?', '#', ' ']) {
        bail!("base_url {url:?} is not an http(s) address");
    }
    if base.split_once("://").is_some_and(|(_, place)| place.contains('/')) {
        bail!(
            "base_url {url:?} has a path, and nothing is served below one: give scheme and host, as in https://auth.example.com"
        );
    }
    Ok(base.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> FileSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn flags_go_before_the_file_and_that_before_defaults() {
        let flags = Flags { data: Some("from-flag".into()), ..Flags::default() };
        let config =
            Config::merge(flags, file("data = \"from-file\"\nbase_url = \"https://a.example/\"")).unwrap();
        assert_eq!(config.data, PathBuf::from("from-flag"));
        assert_eq!(config.base_url, "https://a.example");
        assert_eq!(config.listen, Some(DEFAULT_LISTEN));
    }

    #[test]
    fn a_public_address_is_asked_for_unless_it_is_this_machine_alone() {
        let public = "listen = \"0.0.0.0:80\"";
        assert!(Config::merge(Flags::default(), file(public)).is_err());
        assert_eq!(
            Config::merge(Flags::default(), FileSettings::default()).unwrap().base_url,
            "http://127.0.0.1:8080"
        );
        for bad in ["ftp://x", "auth.example.com", "https://", "https://a b", "https://a.example/x"] {
            let flags = Flags { base_url: Some(bad.to_owned()), ..Flags::default() };
            assert!(Config::merge(flags, FileSettings::default()).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_setting_stands_in_the_documented_table() {
        use clap::Args as _;
        let table = include_str!("../../../docs/configuration.md");
        let command = Flags::augment_args(clap::Command::new("symbolon"));
        for argument in command.get_arguments() {
            let flag = format!("`--{}`", argument.get_long().unwrap());
            let variable = argument.get_env().unwrap().to_str().unwrap().to_owned();
            assert!(table.contains(&flag) || flag == "`--config`", "{flag}");
            assert!(table.contains(&variable), "{variable}");
        }
        let unknown = toml::from_str::<FileSettings>("nonsense = 1").unwrap_err().to_string();
        let keys: Vec<&str> = unknown.split('`').skip(3).step_by(2).collect();
        assert!(keys.len() > 10, "{unknown}");
        for key in keys {
            assert!(table.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn a_number_that_makes_no_sense_is_refused_by_name_and_not_bent() {
        let huge = "9223372036854775807";
        for (name, bad, good) in [
            ("max_directory_age_ms", ["0", "499", huge], "500"),
            ("key_rotation_days", ["0", "3651", huge], "1"),
            ("jwks_max_age_seconds", ["86401", "31536000", huge], "0"),
            ("journal_days", ["36501", "1000000", huge], "0"),
            ("audit_days", ["36501", "1000000", huge], "0"),
            ("usage_days", ["36501", "1000000", huge], "0"),
            ("connections", ["0", "1000001", huge], "1"),
            ("idle_timeout_seconds", ["0", "86401", huge], "1"),
            ("management_requests_per_second", ["100001", "1000000", huge], "0"),
            ("management_request_burst", ["0", "1000001", huge], "1"),
            ("database_connections", ["0", "5", "10"], ""),
        ] {
            for value in bad {
                let refused = Config::merge(Flags::default(), file(&format!("{name} = {value}")));
                let error = refused.unwrap_err().to_string();
                assert!(error.contains(name), "{error}");
            }
            if !good.is_empty() {
                Config::merge(Flags::default(), file(&format!("{name} = {good}"))).unwrap();
            }
        }
    }

    #[test]
    fn nothing_is_measured_or_traced_for_others_unless_it_is_asked_for() {
        let usual = Config::merge(Flags::default(), FileSettings::default()).unwrap();
        assert_eq!((usual.metrics_listen, usual.traces), (None, None));
        let text = "metrics_listen = \"127.0.0.1:9464\"\notlp_endpoint = \"http://127.0.0.1:4318\"\n";
        let watched = Config::merge(Flags::default(), file(text)).unwrap();
        assert!(watched.metrics_listen.is_some() && watched.traces.is_some());
        for bad in
            ["otlp_endpoint = \"127.0.0.1:4318\"", "otlp_endpoint = \"http://x\"\notlp_sampling_ratio = 1.5"]
        {
            let error = Config::merge(Flags::default(), file(bad)).unwrap_err().to_string();
            assert!(error.contains("otlp_"), "{error}");
        }
    }

    #[test]
    fn a_proxy_is_named_by_its_address_or_its_network_alike() {
        let config =
            Config::merge(Flags::default(), file("trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]"));
        let named: Vec<_> = config.unwrap().trusted_proxies.iter().map(ToString::to_string).collect();
        assert_eq!(named, ["127.0.0.1/32", "10.0.0.0/8"]);
        let error = toml::from_str::<FileSettings>("trusted_proxies = [\"proxy\"]").unwrap_err().to_string();
        assert!(error.contains("a network, such as 10.0.0.0/8"), "{error}");
    }

    #[test]
    fn half_of_tls_is_a_mistake() {
        assert!(Config::merge(Flags::default(), file("tls_listen = \"127.0.0.1:8443\"")).is_err());
        assert!(toml::from_str::<FileSettings>("tls_cert = \"x\"").is_err());
    }
}
