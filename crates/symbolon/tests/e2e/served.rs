//! `symbolon serve` as an operator sets it up: keys, a configuration file, one client, http and https.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Fetched, PATIENCE, Running, SYMBOLON, curl};

/// The one client.
pub(crate) const CLIENT: &str = "robot";
/// Its secret.
pub(crate) const SECRET: &str = "a-secret-that-only-the-robot-knows";

const DESCRIPTION: &str = "realms: [{id: default, settings: {default_audience: 'https://api.example'}, \
    resource_servers: [{identifier: 'https://api.example', settings: {scopes: ['read:all']}}], \
    organizations: [{id: o, clients: [{id: robot, settings: {grants: [{audience: 'https://api.example', scopes: \
    ['read:all']}]}, access_keys: [{secret: a-secret-that-only-the-robot-knows}]}]}]}]";

const KEY: &str = "1:3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";

/// A folder with everything but the process.
pub(crate) struct Prepared {
    kept: tempfile::TempDir,
    http: String,
    https: u16,
    /// Lines that the configuration ends with.
    pub(crate) settings: String,
    /// The command before the binary, for instance a shell that sets limits.
    pub(crate) wrapper: Vec<String>,
    /// Variables of its environment.
    pub(crate) variables: Vec<(String, String)>,
    /// Arguments after its own.
    pub(crate) arguments: Vec<String>,
}

/// The running server.
pub(crate) struct Served {
    /// The process.
    pub(crate) running: Running,
    /// `address:port` of http.
    pub(crate) http: String,
    /// The port of https.
    pub(crate) https: u16,
    folder: PathBuf,
    _kept: tempfile::TempDir,
}

/// A certificate and its key, PEM.
pub(crate) struct Pem {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pem {
    /// Self-signed, with a key of an algorithm.
    pub(crate) fn of(algorithm: &'static rcgen::SignatureAlgorithm) -> Self {
        let key = rcgen::KeyPair::generate_for(algorithm).expect("a key");
        Self::signed(&rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name"), &key)
    }

    /// One that ended long ago.
    pub(crate) fn expired() -> Self {
        let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
        parameters.not_before = rcgen::date_time_ymd(2019, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
        Self::signed(&parameters, &rcgen::KeyPair::generate().expect("a key"))
    }

    /// A usual one.
    pub(crate) fn usual() -> Self {
        Self::of(&rcgen::PKCS_ECDSA_P256_SHA256)
    }

    fn signed(parameters: &rcgen::CertificateParams, key: &rcgen::KeyPair) -> Self {
        let certificate = parameters.self_signed(key).expect("a certificate").pem();
        Self { certificate, key: key.serialize_pem() }
    }
}

/// Writes a private file in one step, as renewals do.
pub(crate) fn replace(path: &Path, contents: &str) {
    symbolon::files::replace_private(path, contents.as_bytes()).expect("a file");
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").port()
}

impl Prepared {
    /// Keys, a certificate, a configuration and a client.
    pub(crate) fn with(pem: &Pem) -> Self {
        let kept = tempfile::tempdir().expect("a folder");
        for name in ["master.key", "pepper.key"] {
            replace(&kept.path().join(name), KEY);
        }
        replace(&kept.path().join("tls.pem"), &pem.certificate);
        replace(&kept.path().join("tls.key"), &pem.key);
        let file = kept.path().join("a.yaml");
        replace(&file, DESCRIPTION);
        let mut command = Command::new(SYMBOLON);
        command.arg("apply").arg(&file).arg("--data").arg(kept.path());
        let output = command.args(["--base-url", "https://auth.example"]).output().expect("apply");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let http = format!("127.0.0.1:{}", free_port());
        let (settings, wrapper, variables, arguments) = Default::default();
        Self { kept, http, https: free_port(), settings, wrapper, variables, arguments }
    }

    /// Starts it and waits until it answers.
    pub(crate) fn start(self) -> Served {
        let folder = self.kept.path().to_owned();
        let config = folder.join("symbolon.toml");
        let text = format!(
            "base_url = \"https://auth.example\"\nlisten = \"{}\"\ntls_listen = \"127.0.0.1:{}\"\n\
             tls_certificate = \"{}\"\ntls_key = \"{}\"\n{}\n",
            self.http,
            self.https,
            folder.join("tls.pem").display(),
            folder.join("tls.key").display(),
            self.settings
        );
        std::fs::write(&config, text).expect("a configuration");
        let mut words = self.wrapper.into_iter().chain([SYMBOLON.to_owned()]);
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).arg("serve").arg("--config").arg(&config).arg("--data").arg(&folder);
        command.args(self.arguments).envs(self.variables);
        let running = Running::start(command, &folder);
        let served =
            Served { running, http: self.http, https: self.https, folder: folder.clone(), _kept: self.kept };
        let live = format!("http://{}/livez", served.http);
        served.running.wait("answer", || curl(&[&live]).status == 200);
        served
    }
}

impl Served {
    /// The file of the certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("tls.pem")
    }

    /// The file of its key.
    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("tls.key")
    }

    /// curl over https, trusting the certificate that the file holds.
    pub(crate) fn over_tls(&self, path: &str, more: &[&str]) -> Fetched {
        let url = format!("https://localhost:{}{path}", self.https);
        let trust = self.certificate();
        let mut arguments = vec![url.as_str(), "--cacert", trust.to_str().expect("a path")];
        arguments.extend(more);
        curl(&arguments)
    }

    /// A keep-alive client over http.
    pub(crate) fn client(&self) -> PlainClient {
        PlainClient::new(&self.http)
    }
}

/// An HTTP/1.1 client of a few lines that keeps its connection and opens a new one when that was closed while it
/// rested, as clients do.
pub(crate) struct PlainClient {
    address: String,
    connection: Option<BufReader<TcpStream>>,
}

impl PlainClient {
    fn new(address: &str) -> Self {
        Self { address: address.to_owned(), connection: None }
    }

    /// Asks for a token; the status of the answer.
    pub(crate) fn token(&mut self, id: &str, secret: &str) -> u16 {
        let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let request = format!(
            "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if let Some(kept) = &mut self.connection
            && let Some(status) = exchange(kept, &request)
        {
            return status;
        }
        let fresh = self.connection.insert(connect(&self.address));
        exchange(fresh, &request).expect("an answer on a new connection")
    }
}

/// A connection that gives up when nothing comes for too long.
pub(crate) fn connect(address: &str) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    BufReader::new(stream)
}

/// Sends a request and reads its answer to the end; none if the connection was closed.
pub(crate) fn exchange(stream: &mut BufReader<TcpStream>, request: &str) -> Option<u16> {
    stream.get_mut().write_all(request.as_bytes()).ok()?;
    let mut line = String::new();
    if stream.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(status)
}
