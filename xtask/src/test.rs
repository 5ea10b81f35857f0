//! `cargo xtask test`: everything that must hold before a change is merged, from a fresh clone with one command.

use std::ffi::OsString;

use anyhow::Result;

use crate::clients;
use crate::postgres::Postgres;
use crate::shell::{Workspace, step};

/// Sets up the real clients that the tests drive and a PostgreSQL server, then runs all tests, documentation examples
/// included.
pub(crate) fn run(workspace: &Workspace, cargo_args: &[OsString]) -> Result<()> {
    let clients = clients::prepare(workspace)?;
    let postgres = Postgres::given_or_own()?;
    step(
        "cargo test",
        workspace
            .cargo()
            .args(["test", "--workspace", "--all-features", "--locked"])
            .args(cargo_args)
            .env("SYMBOLON_TEST_PYTHON", &clients.python)
            .env("SYMBOLON_TEST_NODE", &clients.node)
            .env("SYMBOLON_TEST_NODE_MODULES", &clients.node_modules)
            .env("SYMBOLON_TEST_PSQL", postgres.psql())
            .env("SYMBOLON_TEST_POSTGRES_URL", postgres.url()),
    )
}
