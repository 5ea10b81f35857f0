//! `cargo xtask screens`: how the console's main pages look, as pictures for somebody to look at.

use anyhow::Result;

use crate::clients;
use crate::shell::{Workspace, step};

/// The test that makes them: it shares its server and its browser with the other tests of the console.
const TEST: &str = "console::the_main_pages_are_pictured";

/// Makes the pictures.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let clients = clients::prepare(workspace)?;
    let folder = workspace.target.join("screens");
    step(
        "cargo test",
        workspace
            .cargo()
            .args(["test", "--package", "symbolon", "--all-features", "--locked", "--test", "e2e"])
            .args(["--", "--ignored", "--exact", TEST])
            .env("SYMBOLON_TEST_PYTHON", &clients.python)
            .env("SYMBOLON_TEST_NODE_MODULES", &clients.node_modules)
            .env("SYMBOLON_SCREENS", &folder),
    )?;
    println!("{}", folder.display());
    Ok(())
}
