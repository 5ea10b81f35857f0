//! What a service manager is told, and when.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::served::{CLIENT, Pem, Prepared, SECRET};
use crate::support::PATIENCE;

/// The next thing that was said.
fn heard(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let length = socket.recv(&mut buffer).expect("a word to the service manager");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn the_service_manager_hears_of_start_reload_and_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let by_path = UnixDatagram::bind(&path).expect("a socket");
    let name = format!("symbolon-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let by_name = UnixDatagram::bind_addr(&address).expect("a socket");
    for (socket, variable) in
        [(by_path, path.to_str().expect("a path").to_owned()), (by_name, format!("@{name}"))]
    {
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let mut prepared = Prepared::with(&Pem::usual());
        prepared.variables.push(("NOTIFY_SOCKET".to_owned(), variable));
        let mut served = prepared.start();
        assert_eq!(heard(&socket), "READY=1");
        assert_eq!(served.client().token(CLIENT, SECRET), 200);
        served.running.hang_up();
        let reloading = heard(&socket);
        let moment = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("a moment");
        assert!(moment.parse::<u64>().expect("microseconds") > 0);
        assert_eq!(heard(&socket), "READY=1");
        served.running.stop();
        assert_eq!(heard(&socket), "STOPPING=1");
    }
}
