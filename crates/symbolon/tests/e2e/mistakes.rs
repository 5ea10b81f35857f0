//! What is easily done wrong when an installation is set up or moved, and what the binary does about it.

use std::io::{Read as _, Write as _};
use std::process::Command;

use crate::installation::{Installation, LOADER, printed};
use crate::support::{PATIENCE, Running, SYMBOLON, prepared, signal};

#[test]
fn a_second_server_on_the_same_folder_is_refused_and_a_killed_one_leaves_nothing_in_the_way() {
    let installation = Installation::new();
    let serve = || {
        let mut command = installation.command("serve");
        command.args(["--listen", "127.0.0.1:0", "--base-url", "https://second.example"]);
        command
    };
    let link = installation.data().join("first-operator-link");
    let server = installation.serve();
    let before = std::fs::read(&link).expect("a link");
    let second = serve().output().expect("serve");
    let text = printed(&second);
    assert!(!second.status.success() && text.contains("another `symbolon serve` runs"), "{text}");
    assert_eq!(std::fs::read(&link).expect("the link"), before);
    // Others may work on it meanwhile.
    installation.applies(&crate::installation::client("further", ""));
    drop(server);
    installation.serve().token(LOADER);
}

#[test]
fn the_sandbox_stays_out_of_an_installation_that_it_did_not_make() {
    let installation = Installation::new();
    let before = std::fs::read_dir(installation.data()).expect("the folder").count();
    let output = installation.command("dev").args(["--listen", "127.0.0.1:0"]).output().expect("dev");
    let text = printed(&output);
    assert!(!output.status.success() && text.contains("was not made by the sandbox"), "{text}");
    assert!(!installation.finds("meti_v2"));
    assert_eq!(std::fs::read_dir(installation.data()).expect("the folder").count(), before);
}

#[test]
fn a_key_that_is_missing_is_asked_for_and_not_made_anew_where_there_is_data() {
    let installation = Installation::new();
    std::fs::remove_file(installation.data().join("pepper.key")).expect("a key");
    let output = installation.command("serve").output().expect("serve");
    let text = printed(&output);
    assert!(text.contains("This installation has data") && text.contains("--pepper-file"), "{text}");
    assert!(!output.status.success() && !text.contains("openssl"), "{text}");
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let (kept, folder) = prepared();
    let mut command = Command::new(SYMBOLON);
    command.arg("serve").arg("--data").arg(&folder).args(["--listen", "127.0.0.1:0"]);
    for name in [
        "CONFIG",
        "DATA",
        "DATABASE_URL",
        "DATABASE_URL_FILE",
        "BASE_URL",
        "LISTEN",
        "TLS_LISTEN",
        "TLS_CERTIFICATE",
        "TLS_KEY",
        "MASTER_KEY",
        "MASTER_KEY_FILE",
        "PEPPER",
        "PEPPER_FILE",
        "DEFAULT_REALM",
        "TRUSTED_PROXIES",
        "METRICS_LISTEN",
        "OTLP_ENDPOINT",
        "LOG_FORMAT",
    ] {
        command.env(format!("SYMBOLON_{name}"), "");
    }
    let mut running = Running::start(command, &kept.path().join("log"));
    running.wait("listening", || running.log().contains("listening"));
    running.stop();
}

#[test]
fn a_second_signal_ends_a_server_that_waits_for_its_requests() {
    let (kept, folder) = prepared();
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address").to_string();
    drop(socket);
    let mut command = Command::new(SYMBOLON);
    command.arg("serve").arg("--data").arg(&folder).args(["--listen", &address]);
    let mut running = Running::start(command, &kept.path().join("log"));
    running.wait("listening", || running.log().contains("listening"));
    let mut stream = std::net::TcpStream::connect(&address).expect("a connection");
    let head =
        "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 100\r\n";
    write!(stream, "{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n").expect("half a request");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("the server waits for the body");
    assert_eq!(&answer, b"HTTP/1.1 100");
    signal("TERM", running.process());
    running.wait("stop", || running.log().contains("stopping: "));
    // The half request keeps it for ten seconds.
    let began = std::time::Instant::now();
    let status = loop {
        if let Some(status) = running.ended() {
            break status;
        }
        assert!(began.elapsed() < PATIENCE, "{}", running.log());
        signal("TERM", running.process());
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    };
    assert_eq!(status.code(), Some(1), "{}", running.log());
    assert!(running.log().contains("stopped at once"), "{}", running.log());
}
