//! Behaviour through public interfaces: HTTP requests into the server's own router, commands' functions on the
//! side, a fixed clock, a real SQLite store. No test here opens a socket; those that do stand in `e2e`.

mod certificates;
mod claims;
mod clock_jumps;
mod console;
mod contract;
mod descriptions;
mod exports;
mod imports;
mod interrupted;
mod lagging;
mod leaks;
mod limits;
mod manage;
mod metrics;
mod people;
mod protocol;
mod records;
mod rules;
mod store_faults;
mod support;
mod threats;
mod wire;
