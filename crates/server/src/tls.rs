//! TLS 1.2 and 1.3 by rustls, from PEM files that may change while the server runs.

mod pem_files;
mod reload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
pub use pem_files::PemFiles;
pub use reload::Reloader;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use symbolon_core::clock::Timestamp;
use webpki::{EndEntityCert, KeyUsage};

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {1}", path = .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// A private key that everybody can read.
    #[error("everybody can read the private key in {path}; make it private first: chmod 600 {path}", path = .0.display())]
    Public(PathBuf),
    /// What was read is not PEM, or holds something else.
    #[error("{0} holds no {1} in PEM: {2}")]
    Pem(String, &'static str, rustls::pki_types::pem::Error),
    /// Certificate and key do not go together, or are of a kind that is not supported.
    #[error("the certificate in {certificate} and the key in {key} cannot be used together: {error}")]
    Unusable {
        /// Where the certificate came from.
        certificate: String,
        /// Where the key came from.
        key: String,
        /// What is wrong.
        error: rustls::Error,
    },
    /// The certificate has ended, or has not begun.
    #[error("the certificate in {0} {1}")]
    NotNow(PathBuf, Validity),
}

/// Whether a certificate holds at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It does.
    Valid,
    /// It ended then.
    Expired(Timestamp),
    /// It begins then.
    NotYet(Timestamp),
}

impl std::fmt::Display for Validity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Valid => f.write_str("is valid"),
            Self::Expired(at) => write!(f, "expired on {at}"),
            Self::NotYet(at) => write!(f, "is not valid before {at}"),
        }
    }
}

/// The configuration that new connections get. Those that are open keep the one that they began with.
///
/// It is replaced as a whole, and with it the memory of sessions: nothing agreed under an old certificate is resumed
/// under a new one.
pub struct CurrentTls(ArcSwap<ServerConfig>);

impl CurrentTls {
    /// Certificates (the server's first) and private key as PEM texts, for good.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Arc<Self>, TlsError> {
        let pair = Pair::from_pem(certificates, key, ("the certificate", "the key"))?;
        Ok(Arc::new(Self(ArcSwap::new(pair.config))))
    }

    /// What the next connection gets.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.0.load_full()
    }
}

/// A certificate and its key that go together.
struct Pair {
    config: Arc<ServerConfig>,
    certificate: CertificateDer<'static>,
}

impl Pair {
    /// Reads the texts; `names` says for messages where certificate and key came from.
    fn from_pem(certificates: &[u8], key: &[u8], names: (&str, &str)) -> Result<Self, TlsError> {
        let broken = |error| TlsError::Pem(names.0.to_owned(), "certificate", error);
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(certificates).collect::<Result<_, _>>().map_err(broken)?;
        let Some(certificate) = chain.first().cloned() else {
            return Err(broken(rustls::pki_types::pem::Error::NoItemsFound));
        };
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsError::Pem(names.1.to_owned(), "private key", error))?;
        let config = config(chain, key).map_err(|error| TlsError::Unusable {
            certificate: names.0.to_owned(),
            key: names.1.to_owned(),
            error,
        })?;
        Ok(Self { config: Arc::new(config), certificate })
    }

    /// Whether the certificate holds at a moment. A path without anchors is never found, but the times are looked at
    /// before that.
    fn validity(&self, at: Timestamp) -> Validity {
        let seconds = u64::try_from(at.seconds()).unwrap_or(0);
        let moment = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let Ok(certificate) = EndEntityCert::try_from(&self.certificate) else { return Validity::Valid };
        match certificate.verify_for_usage(&[], &[], &[], moment, KeyUsage::server_auth(), None, None) {
            Err(webpki::Error::CertExpired { not_after, .. }) => Validity::Expired(timestamp(not_after)),
            Err(webpki::Error::CertNotValidYet { not_before, .. }) => Validity::NotYet(timestamp(not_before)),
            _ => Validity::Valid,
        }
    }

    /// The last moment of its validity: that of which every later one, however late, is told to be too late.
    fn ends(&self) -> Option<Timestamp> {
        const YEAR_10000: i64 = 253_402_300_800;
        match self.validity(Timestamp::from_seconds(YEAR_10000)) {
            Validity::Expired(at) => Some(at),
            Validity::Valid | Validity::NotYet(_) => None,
        }
    }

    /// The host names that it is for.
    fn names(&self) -> Vec<String> {
        let certificate = EndEntityCert::try_from(&self.certificate);
        certificate.map(|read| read.valid_dns_names().map(str::to_owned).collect()).unwrap_or_default()
    }
}

fn timestamp(time: UnixTime) -> Timestamp {
    Timestamp::from_seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
