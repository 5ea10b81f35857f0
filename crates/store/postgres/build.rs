//! The macros embed migrations and query data that cargo does not know as sources of this crate.

fn main() {
    for path in ["build.rs", "sqlx.toml", ".sqlx", "../migrations"] {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rerun-if-env-changed=SYMBOLON_POSTGRES_URL");
}
