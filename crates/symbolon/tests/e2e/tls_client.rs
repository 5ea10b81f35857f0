//! A TLS client that shows what it was shown: rustls, so that a connection can be held open and looked into.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::served::{Pem, Served};
use crate::support::PATIENCE;

/// A configuration that trusts these certificates. Connections that share it resume one another's sessions.
pub(crate) fn trusting(pems: &[&Pem], alpn: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for pem in pems {
        roots.add(certificate(pem)).expect("an anchor");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = versions.expect("versions").with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// The certificate as it goes over the wire.
pub(crate) fn certificate(pem: &Pem) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.certificate.as_bytes()).expect("a certificate")
}

/// A connection after its handshake.
pub(crate) struct TlsClient(pub(crate) StreamOwned<ClientConnection, TcpStream>);

impl TlsClient {
    /// Connects; an error is what the handshake failed with.
    pub(crate) fn connect(served: &Served, config: &Arc<ClientConfig>) -> std::io::Result<Self> {
        let name = "localhost".try_into().expect("a name");
        let mut connection = ClientConnection::new(Arc::clone(config), name).expect("a connection");
        let mut stream = TcpStream::connect(("127.0.0.1", served.https))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        connection.complete_io(&mut stream)?;
        Ok(Self(StreamOwned::new(connection, stream)))
    }

    /// The server's certificate.
    pub(crate) fn shown(&self) -> CertificateDer<'static> {
        self.0.conn.peer_certificates().expect("certificates")[0].clone().into_owned()
    }

    /// One request of HTTP/1.1; whether it was answered with 200.
    pub(crate) fn lives(&mut self) -> bool {
        if self.0.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").is_err() {
            return false;
        }
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"ok\n") {
            if !matches!(self.0.read(&mut byte), Ok(1)) {
                return false;
            }
            answer.push(byte[0]);
        }
        answer.starts_with(b"HTTP/1.1 200 ")
    }
}
