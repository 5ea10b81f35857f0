//! The `symbolon` binary; everything it does is in the library of the same name, where tests reach it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    symbolon::run()
}
