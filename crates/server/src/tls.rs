//! TLS 1.2 and 1.3 by rustls, from PEM files.

use std::path::Path;
use std::sync::Arc;

pub use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("{0}: {1}")]
    File(String, rustls::pki_types::pem::Error),
    /// Certificate and key do not go together, or are of a kind that is not supported.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// A TLS configuration from a certificate chain and its private key.
pub fn from_pem_files(certificates: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error| TlsError::File(path, error)
    };
    let chain = CertificateDer::pem_file_iter(certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed(certificates))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(failed(key))?;
    config(chain, key)
}

/// A TLS configuration from PEM texts.
pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error| TlsError::File(what, error)
    };
    let chain = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed("certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(failed("private key"))?;
    config(chain, key)
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
