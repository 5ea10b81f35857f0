//! The `symbolon` binary; everything it does is in the library of the same name, where tests reach it too.

use std::process::ExitCode;

/// With tens of thousands of clients in memory, the system's allocator looks for room between what stays and what goes
/// with each request; this one costs the same however many there are, and holds less (docs/decisions/0019).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    symbolon::run()
}
