//! The commands that manage, from outside: each against a running server by a profile, and again with `--local`.

mod desk;
mod errors;
mod lists;
mod profiles;
mod whole;
mod wire;
mod work;
