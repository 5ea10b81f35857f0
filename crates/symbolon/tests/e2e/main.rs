//! The binary from outside: started as a user starts it, called by curl and by other people's clients, unmodified.
//!
//! These tests need curl, Python and Node with the clients of `tests/clients`; `cargo xtask test` installs them and
//! says where they are. Without them the tests fail and say so.

#![expect(clippy::expect_used, clippy::panic, reason = "a test's helpers may fail it")]

mod apply;
mod audit;
mod calling;
mod certificates;
mod clients;
mod cluster;
mod commands;
mod connections;
mod console;
mod disk;
mod expiry;
mod file_faults;
mod gateway;
mod handshakes;
mod http;
mod import_killed;
mod imports;
mod installation;
mod keycloak;
mod kill;
mod logs;
mod manage;
mod management_page;
mod mistakes;
mod oauth2_crate;
mod observability;
mod packaging;
mod postgres;
mod postgres_faults;
mod restart;
mod scan;
mod schemathesis;
mod sdk_python;
mod sdk_rust;
mod sdk_typescript;
mod served;
mod service_manager;
mod shared_cache;
mod shim;
mod support;
mod sync;
mod tls_client;
