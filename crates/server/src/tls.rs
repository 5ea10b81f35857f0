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
use rustls::pki_types::pem::{self, PemObject as _};
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
    /// What was read is not PEM, or holds something else. Nothing of the contents is told: they may be a private key.
    #[error("{0} holds no {1} in PEM: {2}")]
    Pem(String, &'static str, PemFault),
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

/// What is wrong with a PEM file. The library's own error quotes the line, in which a damaged file has its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemFault {
    /// A section without an end.
    #[error("a line `-----END …-----` is missing; the file may be cut short, or have lost its line breaks")]
    NoEnd,
    /// A section whose first line is not one.
    #[error("a line `-----BEGIN …-----` is damaged; the file may have lost its line breaks")]
    BadStart,
    /// A section that is not base64.
    #[error("what stands between BEGIN and END is not base64")]
    NotBase64,
    /// Nothing of the kind that was looked for.
    #[error("no items found")]
    Absent,
    /// More than anybody's certificate.
    #[error("it is too large")]
    TooLarge,
    /// What a later version of the library may find.
    #[error("it cannot be read")]
    Other,
}

impl From<pem::Error> for PemFault {
    fn from(error: pem::Error) -> Self {
        match error {
            pem::Error::MissingSectionEnd { .. } => Self::NoEnd,
            pem::Error::IllegalSectionStart { .. } => Self::BadStart,
            pem::Error::Base64Decode(_) => Self::NotBase64,
            pem::Error::NoItemsFound => Self::Absent,
            pem::Error::SectionTooLarge => Self::TooLarge,
            _ => Self::Other,
        }
    }
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
        let broken = |fault| TlsError::Pem(names.0.to_owned(), "certificate", fault);
        let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|error| broken(error.into()))?;
        let Some(certificate) = chain.first().cloned() else {
            return Err(broken(PemFault::Absent));
        };
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsError::Pem(names.1.to_owned(), "private key", error.into()))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a private key says of itself, between its first line and its last.
    const CANARY: &str = "MC4CAQAwBQYDK2VwBCIEICanaryCanaryCanaryCanaryCanaryCanaryCanary";

    #[test]
    fn nothing_of_a_damaged_private_key_is_told() {
        let first = "-----BEGIN PRIVATE KEY-----";
        let last = "-----END PRIVATE KEY-----";
        let damaged = [
            // Pasted with the two characters that stand for a line break, and with spaces in its place.
            (format!("{first}\\n{CANARY}\\n{last}\\n"), PemFault::BadStart),
            (format!("{first} {CANARY} {last}"), PemFault::NoEnd),
            (format!("{first}\n{CANARY}{last}\n"), PemFault::NoEnd),
            (format!("{first}\n{CANARY}\n-----END {CANARY}-----\n"), PemFault::NoEnd),
            (format!("{first}\n{CANARY}!\n{last}\n"), PemFault::NotBase64),
            (CANARY.to_owned(), PemFault::Absent),
        ];
        for (text, fault) in damaged {
            for (certificate, key) in [(text.as_str(), ""), (CERTIFICATE, &text)] {
                let error = Pair::from_pem(certificate.as_bytes(), key.as_bytes(), ("c", "k")).err().unwrap();
                assert!(matches!(error, TlsError::Pem(_, _, found) if found == fault), "{error} of {text}");
                // A library that quotes bytes may do so as numbers.
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains("anary") && !shown.contains("77, 67, 52"), "{shown}");
            }
        }
    }

    /// In PEM, though no certificate: it is not looked into before the key is.
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
}
