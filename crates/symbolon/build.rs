//! Tells the linker to lay the functions that a server uses side by side.
//!
//! A page of the program that is touched brings its neighbours into memory, 64 KiB at a time. What a server uses is a
//! tenth of the program; scattered over it, that tenth brings half of the program along. `link/order.txt` names it
//! (`cargo xtask order` writes it anew). What the list does not know, or knows no more, is linked as ever.

use std::fs;
use std::path::Path;
use std::{env, io};

const LIST: &str = "link/order.txt";
/// `off` is for linkers that read no scripts (mold).
const SWITCH: &str = "SYMBOLON_LINK_ORDER";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={LIST}");
    println!("cargo::rerun-if-env-changed={SWITCH}");
    let is = |name: &str, wanted: &str| env::var(name).is_ok_and(|value| value == wanted);
    // GNU's linker and LLVM's read the same scripts. A build for development has no use for it.
    if !is("PROFILE", "release") || !is("CARGO_CFG_TARGET_OS", "linux") || is(SWITCH, "off") {
        return Ok(());
    }
    let script = Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join("order.ld");
    fs::write(&script, order(&fs::read_to_string(LIST)?))?;
    println!("cargo::rustc-link-arg-bins=-Wl,--script={}", script.display());
    Ok(())
}

/// A script that adds one section to the linker's own layout. Compilers put each function into a section of its name,
/// some behind a further word (`.text.unlikely.`).
fn order(list: &str) -> String {
    let names = list.lines().filter(|line| !line.starts_with('#'));
    let sections: String =
        names.flat_map(|name| ["    *(.text.", name, " .text.unlikely.", name, ")\n"]).collect();
    format!("SECTIONS\n{{\n  .text.used :\n  {{\n{sections}  }}\n}}\nINSERT BEFORE .text;\n")
}
